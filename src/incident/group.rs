//! Which episodes of one service and environment belong to one alert: those that open within a minute of each other, and those of one
//! family (one root cause, several messages). Receives an episode that opens, gives it the group of the first.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::model::incident::Track;

/// What opens so close together has one cause, most likely.
const TOGETHER: SignedDuration = SignedDuration::from_secs(60);
/// Signatures named in an alert.
const MAX_NAMED: usize = 10;

/// The open episodes of one service and environment, by signature.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    open: BTreeMap<Arc<str>, Member>,
}

#[derive(Debug)]
struct Member {
    opened_at: Timestamp,
    group: String,
    family: Option<String>,
}

impl Groups {
    /// The track's episode has just opened: it joins the group of those that belong to it, or begins one.
    pub(crate) fn join(&mut self, track: &mut Track, family: Option<&str>) {
        let Some(episode) = &mut track.episode else { return };
        let belongs = |member: &Member| {
            let close = episode.opened_at.duration_since(member.opened_at).abs() <= TOGETHER;
            close || family.is_some() && member.family.as_deref() == family
        };
        let kin = || self.open.iter().filter(|(_, member)| belongs(member));
        let first = kin().min_by_key(|(_, member)| member.opened_at).map(|(_, member)| member.group.clone());
        let together = kin().take(MAX_NAMED).map(|(signature, _)| signature.to_string()).collect();
        episode.group = first.unwrap_or_else(|| episode.id.clone());
        episode.together = together;
        self.know(track, family);
    }

    /// Remembers the track's open episode, if there is one.
    pub(crate) fn know(&mut self, track: &Track, family: Option<&str>) {
        let Some(episode) = &track.episode else { return };
        let (opened_at, group) = (episode.opened_at, episode.group.clone());
        let member = Member { opened_at, group, family: family.map(str::to_owned) };
        self.open.insert(track.key.signature.clone(), member);
    }

    /// Forgets the track's episode, unless it is open.
    pub(crate) fn leave(&mut self, track: &Track) {
        if track.episode.is_none() {
            self.open.remove(&track.key.signature);
        }
    }
}
