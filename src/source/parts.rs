//! Log entries that came in parts, each in a message of its own: they wait for each other, for a while. Receives deliveries, gives
//! those that are whole; what was owed for the parts is owed for the whole.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::decode::transport::Part;
use crate::source::message::Message;

/// How long an entry may wait for its parts where nobody waits for an answer.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(10);
/// Entries that wait at once; the oldest is told as it is when one more comes.
const MAX_WAITING: usize = 64;
/// Bytes that wait at most.
const MAX_BYTES: usize = 16 << 20;

/// A message, and what is owed for it: acknowledgements, answers.
#[derive(Debug)]
pub struct Delivery<R> {
    /// The message.
    pub message: Message,
    /// Owed once it is stored.
    pub owed: Vec<R>,
}

/// Entries of which parts are missing, the oldest first.
#[derive(Debug)]
pub struct Parts<R> {
    waiting: Vec<Entry<R>>,
    patience: SignedDuration,
}

#[derive(Debug)]
struct Entry<R> {
    parts: Vec<Part>,
    total: u64,
    bytes: usize,
    first: Message,
    owed: Vec<R>,
    since: Timestamp,
}

impl<R> Default for Parts<R> {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl<R> Parts<R> {
    /// An entry waits for its parts as long as `patience`.
    pub fn new(patience: SignedDuration) -> Self {
        Self { waiting: Vec::new(), patience }
    }

    /// Keeps a part, gives what is whole.
    pub fn take(&mut self, delivery: Delivery<R>, now: Timestamp, whole: &mut Vec<Delivery<R>>) {
        let Some(part) = Part::of(&delivery.message.data) else { return whole.push(delivery) };
        let Delivery { message, owed } = delivery;
        let uid = |entry: &Entry<R>| entry.parts.first().is_some_and(|known| known.uid == part.uid);
        let at = self.waiting.iter().position(uid).unwrap_or_else(|| {
            let (total, first) = (part.total, Message { data: Vec::new(), ..message.clone() });
            self.waiting.push(Entry { parts: Vec::new(), total, bytes: 0, first, owed: Vec::new(), since: now });
            self.waiting.len() - 1
        });
        let Some(entry) = self.waiting.get_mut(at) else { return };
        entry.owed.extend(owed);
        // The same part delivered twice is one part.
        if entry.parts.iter().all(|known| known.index != part.index) {
            entry.bytes += message.data.len();
            entry.parts.push(part);
        }
        if entry.parts.len() as u64 >= entry.total {
            whole.push(self.waiting.remove(at).whole());
        }
        while self.waiting.len() > MAX_WAITING
            || self.waiting.iter().map(|entry| entry.bytes).sum::<usize>() > MAX_BYTES
        {
            whole.push(self.waiting.remove(0).whole());
        }
    }

    /// What has waited in vain, as far as it is there.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<Delivery<R>> {
        let late = self.waiting.extract_if(.., |entry| now.duration_since(entry.since) >= self.patience);
        late.map(Entry::whole).collect()
    }

    /// Forgets what waits, and what is owed for it.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl<R> Entry<R> {
    fn whole(self) -> Delivery<R> {
        let Self { parts, first, owed, .. } = self;
        Delivery { message: Message { data: Part::join(parts), ..first }, owed }
    }
}
