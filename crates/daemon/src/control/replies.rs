//! Answers on their way to clients. A client that reads the log after its answer finds there what happened before it: an
//! answer waits for the lines of the log before it, but not for long (the log may be on a disk that stalls).

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use engine::{Answer, CallId};
use model::Moment;
use tokio::sync::oneshot;

use crate::mailbox::Sender;
use crate::plane::Order;

/// How long an answer waits for the log at most.
const PATIENCE: Duration = Duration::from_millis(500);

/// Clients that wait, and answers that wait for the log.
#[derive(Debug, Default)]
pub struct Replies {
    waiting: HashMap<CallId, oneshot::Sender<Answer>>,
    /// Calls of the daemon's predecessor whose clients have not said yet that they wait here,
    promised: HashSet<CallId>,
    /// and answers to them that came before.
    early: HashMap<CallId, Answer>,
    held: VecDeque<Held>,
    /// The last mark that was set in the stream of orders.
    mark: u64,
    /// Lines have been sent to the log since then.
    lines: bool,
}

#[derive(Debug)]
struct Held {
    mark: u64,
    until: Moment,
    call: CallId,
    answer: Answer,
}

impl Replies {
    /// A client waits for the answer to its call.
    pub fn expect(&mut self, call: CallId, reply: oneshot::Sender<Answer>) {
        // One that is promised was handed over before it was heard here: its client says so again.
        if !self.promised.contains(&call) {
            self.waiting.insert(call, reply);
        }
    }

    /// Clients of the daemon's predecessor wait for these calls, and will say so.
    pub fn promise(&mut self, calls: impl IntoIterator<Item = CallId>) {
        self.promised.extend(calls);
    }

    /// A client of the predecessor says so. What was never promised is dropped, which is a fault for the client.
    pub fn expect_again(&mut self, call: CallId, reply: oneshot::Sender<Answer>) {
        if !self.promised.remove(&call) {
            return;
        }
        match self.early.remove(&call) {
            // It may have gone meanwhile.
            Some(answer) => drop(reply.send(answer)),
            None => self.expect(call, reply),
        }
    }

    /// It has gone.
    pub fn forget(&mut self, call: CallId) {
        self.waiting.remove(&call);
    }

    /// A line was sent to the log.
    pub const fn logged(&mut self) {
        self.lines = true;
    }

    /// Answers a call, at once if nothing stands before it.
    pub fn give(&mut self, call: CallId, answer: Answer, now: Moment, orders: &Sender<Order>) {
        if self.lines {
            self.lines = false;
            self.mark += 1;
            orders.send(Order::Mark { number: self.mark });
            self.held.push_back(Held { mark: self.mark, until: now.after(PATIENCE), call, answer });
        } else if let Some(last) = self.held.back() {
            let (mark, until) = (last.mark, last.until);
            self.held.push_back(Held { mark, until, call, answer });
        } else {
            self.send(call, answer);
        }
    }

    /// The log has come as far as this mark.
    pub fn marked(&mut self, number: u64) {
        self.release(|held| held.mark <= number);
    }

    /// Sends what has waited long enough.
    pub fn late(&mut self, now: Moment) {
        self.release(|held| held.until <= now);
    }

    /// Sends all that waits: the daemon ends.
    pub fn all(&mut self) {
        self.release(|_| true);
    }

    /// When to call `late`.
    pub fn due(&self) -> Option<Moment> {
        self.held.front().map(|held| held.until)
    }

    fn release(&mut self, ready: impl Fn(&Held) -> bool) {
        while let Some(held) = self.held.pop_front_if(|held| ready(held)) {
            self.send(held.call, held.answer);
        }
    }

    fn send(&mut self, call: CallId, answer: Answer) {
        if let Some(reply) = self.waiting.remove(&call) {
            // The client may have gone meanwhile.
            let _ = reply.send(answer);
        } else if self.promised.contains(&call) {
            self.early.insert(call, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::Answer;
    use model::Value;

    use super::*;
    use crate::mailbox::mailbox;

    fn asked(replies: &mut Replies, number: u64) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        replies.expect(CallId(number), sender);
        receiver
    }

    #[test]
    fn a_client_of_the_predecessor_gets_its_answer_early_or_late_and_a_stranger_none() {
        let (orders, _taken) = mailbox().unwrap();
        let mut replies = Replies::default();
        let again = |replies: &mut Replies, number| {
            let (sender, receiver) = oneshot::channel();
            replies.expect_again(CallId(number), sender);
            receiver
        };
        let answer = |replies: &mut Replies, number| {
            replies.give(CallId(number), Answer::Value(Value::Int(1)), Moment(1), &orders);
        };
        replies.promise([CallId(1), CallId(2)]);
        answer(&mut replies, 1);
        assert!(again(&mut replies, 1).try_recv().is_ok());
        let mut second = again(&mut replies, 2);
        assert!(second.is_empty());
        answer(&mut replies, 2);
        assert!(second.try_recv().is_ok());
        for call in [1, 3] {
            answer(&mut replies, call);
            assert!(again(&mut replies, call).try_recv().is_err());
        }
        assert!(replies.early.is_empty() && replies.promised.is_empty());
    }

    #[test]
    fn an_answer_comes_after_the_lines_before_it_or_when_the_log_stalls() {
        let (orders, taken) = mailbox().unwrap();
        let (mut replies, now) = (Replies::default(), Moment(1));
        let mut plain = asked(&mut replies, 1);
        replies.give(CallId(1), Answer::Value(Value::Bool(true)), now, &orders);
        assert!(plain.try_recv().is_ok() && taken.take().is_empty());

        let (mut first, mut second) = (asked(&mut replies, 2), asked(&mut replies, 3));
        replies.logged();
        replies.give(CallId(2), Answer::Value(Value::Bool(true)), now, &orders);
        replies.give(CallId(3), Answer::Value(Value::Bool(true)), now, &orders);
        assert!(first.try_recv().is_err() && second.try_recv().is_err());
        assert!(matches!(taken.take().front(), Some(Order::Mark { number: 1 })));
        replies.marked(1);
        assert!(first.try_recv().is_ok() && second.try_recv().is_ok());

        let mut stalled = asked(&mut replies, 4);
        replies.logged();
        replies.give(CallId(4), Answer::Value(Value::Bool(true)), now, &orders);
        replies.late(now);
        assert!(stalled.try_recv().is_err());
        replies.late(replies.due().unwrap());
        assert!(stalled.try_recv().is_ok() && replies.due().is_none());
    }
}
