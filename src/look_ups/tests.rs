//! Look-ups that callers share, and that take long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::time::timeout;

use super::*;

const FOUND: &str = "192.0.2.1:443";
const LATER: &str = "192.0.2.2:443";

/// A limit that is longer than any look-up of these tests takes.
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(5);

/// The look-ups of a test. Each of the name `slow.example` waits for a message.
struct Trial {
    look_ups: LookUps,
    answer: SyncSender<&'static str>,
    count: Arc<AtomicUsize>,
    name: HostPort,
}

impl Trial {
    fn new(threads: usize) -> Self {
        let (answer, answers) = sync_channel::<&str>(8);
        let (answers, count) = (Mutex::new(answers), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        let look_ups = LookUps::asking(threads, move |host, port| {
            assert_eq!(port, 443);
            if host != "slow.example" {
                return Ok(vec![FOUND.parse().unwrap()]);
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let found = answers.lock().recv().map_err(io::Error::other)?;
            Ok(vec![found.parse().map_err(io::Error::other)?])
        });
        Self { look_ups, answer, count, name: ("slow.example".to_owned(), 443) }
    }

    /// Gets the answer for the slow name, which has to come.
    async fn slow(&self) -> io::Result<Vec<SocketAddr>> {
        let call = self.look_ups.addresses("slow.example", 443);
        timeout(LONG, call).await.expect("an answer in time")
    }

    /// Two calls for the slow name, which both give up.
    async fn give_up(&self) {
        let both = [(); 2].map(|()| self.look_ups.addresses("slow.example", 443));
        for call in futures_util::future::join_all(both.map(|call| timeout(SHORT, call))).await {
            assert!(call.is_err(), "{call:?}");
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn only(address: &str) -> Vec<SocketAddr> {
    vec![address.parse().unwrap()]
}

#[tokio::test]
async fn threads_are_bounded() {
    let trial = Trial::new(1);
    let only_one = trial.look_ups.threads.acquire().await.unwrap();
    trial.give_up().await;
    drop(only_one);
    assert_eq!(trial.count(), 0);
    trial.answer.send(FOUND).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(FOUND));
}

#[tokio::test]
async fn a_look_up_that_hangs_leaves_threads_to_other_names() {
    let mut trial = Trial::new(OF_ONE_NAME + 1);
    trial.look_ups.shared_for = Duration::ZERO;
    for _ in 0..4 {
        trial.give_up().await;
    }
    assert_eq!(trial.count(), OF_ONE_NAME);
    let works = timeout(LONG, trial.look_ups.addresses("works.example", 443)).await;
    assert_eq!(works.expect("a thread is free").unwrap(), only(FOUND));
}

#[tokio::test]
async fn a_slow_look_up_takes_one_thread_and_answers_a_later_call() {
    let trial = Trial::new(2);
    for _ in 0..3 {
        trial.give_up().await;
    }
    trial.answer.send(FOUND).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(FOUND));
    assert_eq!(trial.count(), 1);
}

#[tokio::test]
async fn an_answer_that_waited_too_long_serves_no_call() {
    let mut trial = Trial::new(2);
    trial.give_up().await;
    let mut result = trial.look_ups.pending.lock()[&trial.name].result.subscribe();
    trial.answer.send(FOUND).unwrap();
    result.wait_for(Option::is_some).await.unwrap();
    trial.look_ups.kept_for = Duration::ZERO;
    trial.answer.send(LATER).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(LATER));
}

#[tokio::test]
async fn a_second_look_up_begins_once_a_reply_may_be_lost() {
    let mut trial = Trial::new(2);
    trial.give_up().await;
    trial.look_ups.shared_for = Duration::ZERO;
    trial.give_up().await;
    trial.give_up().await;
    assert_eq!(trial.count(), 2, "and no third one");
    trial.answer.send(FOUND).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(FOUND));
}

#[tokio::test]
async fn an_earlier_look_up_never_answers_after_a_later_one() {
    let trial = Trial::new(2);
    trial.give_up().await;
    // The result of the look-up that hangs has come from another one, and a caller has it.
    let first = trial.look_ups.pending.lock()[&trial.name].result.clone();
    let addresses = Ok(only(LATER).into());
    first.send_replace(Some(LookUpResult { addresses, ended: Stopwatch::start() }));
    assert_eq!(trial.slow().await.unwrap(), only(LATER));
    trial.answer.send(FOUND).unwrap();
    trial.answer.send(LATER).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(LATER));
    assert_eq!(trial.count(), 2);
}

#[tokio::test]
async fn an_answer_serves_the_calls_that_wait_for_it_and_no_later_one() {
    let trial = Trial::new(2);
    let both_wait = async { trial.answer.send(FOUND).unwrap() };
    let (one, other, ()) = tokio::join!(trial.slow(), trial.slow(), both_wait);
    assert_eq!([one.unwrap(), other.unwrap()], [only(FOUND), only(FOUND)]);
    trial.answer.send(LATER).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(LATER));
    assert_eq!(trial.count(), 2);
    assert!(trial.look_ups.pending.lock().is_empty());
}

#[tokio::test]
async fn a_name_without_an_answer_is_looked_up_again() {
    let trial = Trial::new(2);
    trial.answer.send("no address").unwrap();
    trial.slow().await.unwrap_err();
    trial.answer.send(FOUND).unwrap();
    trial.slow().await.unwrap();
    assert_eq!(trial.count(), 2);
}

#[tokio::test]
async fn an_error_for_which_nobody_waited_is_not_kept() {
    let trial = Trial::new(2);
    trial.give_up().await;
    trial.answer.send("no address").unwrap();
    while trial.look_ups.pending.lock()[&trial.name].running > 0 {
        tokio::task::yield_now().await;
    }
    trial.answer.send(FOUND).unwrap();
    assert_eq!(trial.slow().await.unwrap(), only(FOUND));
    assert_eq!(trial.count(), 2);
}
