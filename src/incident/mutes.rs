//! Mutes that stand: what was said about a signature holds for tracks that are found later, too. The last word on a track counts.

use jiff::Timestamp;

use crate::model::command::Mute;
use crate::model::command::Selector;
use crate::model::incident::TrackKey;

/// Mutes remembered at most; the oldest go.
const MAX_MUTES: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Mutes(Vec<Mute>);

impl Mutes {
    /// Puts back what the store kept.
    pub(crate) fn restore(&mut self, mutes: Vec<Mute>) {
        self.0 = mutes;
    }

    /// `tracks` are muted until `until`, or (`None`) not any more. `now` is the clock's: what has ended is forgotten.
    pub(crate) fn say(&mut self, tracks: &Selector, until: Option<Timestamp>, now: Timestamp) {
        self.0.retain(|said| !tracks.covers(&said.tracks) && said.until.is_none_or(|until| until > now));
        self.0.push(Mute { tracks: tracks.clone(), until });
        // An end at the front ends nothing: no wider mute was said before it.
        let ends = self.0.iter().take_while(|said| said.until.is_none()).count();
        self.0.drain(..ends.max(self.0.len().saturating_sub(MAX_MUTES)));
    }

    /// Until when a track that is new is muted.
    pub(crate) fn until(&self, key: &TrackKey) -> Option<Timestamp> {
        self.0.iter().rev().find(|said| said.tracks.holds(key))?.until
    }

    /// In the order in which they were said.
    pub(crate) fn all(&self) -> &[Mute] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks(service: Option<&str>, environment: Option<&str>) -> Selector {
        Selector { signature: "s".into(), service: service.map(Into::into), environment: environment.map(Into::into) }
    }

    fn key(service: &str, environment: &str) -> TrackKey {
        TrackKey { signature: "s".into(), service: service.into(), environment: environment.into() }
    }

    #[test]
    fn the_last_word_on_a_track_counts() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut mutes = Mutes::default();
        mutes.say(&tracks(None, None), Some(at(100)), at(0));
        mutes.say(&tracks(Some("a"), None), None, at(1));
        assert_eq!((mutes.until(&key("a", "prod")), mutes.until(&key("b", "prod"))), (None, Some(at(100))));
        mutes.say(&tracks(Some("a"), Some("uat")), Some(at(50)), at(2));
        assert_eq!((mutes.until(&key("a", "uat")), mutes.until(&key("a", "prod"))), (Some(at(50)), None));
        mutes.say(&tracks(None, Some("prod")), Some(at(70)), at(3));
        assert_eq!(mutes.until(&key("b", "prod")), Some(at(70)));
        mutes.say(&tracks(None, None), None, at(4));
        assert!(mutes.all().is_empty(), "{mutes:?}");
    }

    #[test]
    fn what_has_ended_is_forgotten_and_no_more_than_a_bound_is_kept() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut mutes = Mutes::default();
        mutes.say(&tracks(Some("a"), None), Some(at(10)), at(0));
        mutes.say(&tracks(Some("b"), None), Some(at(20)), at(15));
        assert_eq!(mutes.all().len(), 1);
        for service in 0..2 * MAX_MUTES {
            mutes.say(&tracks(Some(&service.to_string()), None), Some(at(99)), at(16));
        }
        assert_eq!(mutes.all().len(), MAX_MUTES);
    }
}
