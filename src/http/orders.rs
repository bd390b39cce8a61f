//! The way of a command from whoever gives it to the pipeline and back: answered once it is stored, or with the reason why not.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::model::command::Command;
use crate::model::command::Receipt;
use crate::model::command::Refusal;

/// Commands that wait for the pipeline; further senders wait.
const WAITING: usize = 64;
/// How long the pipeline may take before the sender is told to ask again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of a command.
pub type Answer = Result<Receipt, Refusal>;

/// A command and where its answer goes.
#[derive(Debug)]
pub struct Order {
    /// What shall be recorded.
    pub command: Command,
    /// Takes the answer; whoever asked may have gone.
    pub reply: oneshot::Sender<Answer>,
}

/// Gives orders. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Orders {
    sender: mpsc::Sender<Order>,
    now: fn() -> Timestamp,
}

impl Orders {
    /// Both ends; `now` dates what names no time.
    pub fn new(now: fn() -> Timestamp) -> (Self, mpsc::Receiver<Order>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, now }, receiver)
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Hands `command` over and waits until it is stored.
    pub async fn give(&self, command: Command) -> Answer {
        let answer = async { self.hand_over(command).await?.await.map_err(|_| Refusal::Closed)? };
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(Refusal::Late))
    }

    /// Hands `command` over; what is received from the result is its answer.
    pub async fn hand_over(&self, command: Command) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(Order { command, reply }).await.map_err(|_| Refusal::Closed)?;
        Ok(answer)
    }
}
