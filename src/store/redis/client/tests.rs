//! Look-ups of the name of the server that take long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::time::timeout;

use super::*;

const FOUND: &str = "192.0.2.1:6379";

/// Returns a client whose look-ups wait for a message each, and the number of its look-ups.
fn client() -> (RedisClient, SyncSender<&'static str>, Arc<AtomicUsize>) {
    let config = config::Redis {
        host: "redis.internal".to_owned(),
        port: 6379,
        tls: None,
        user: None,
        password: None,
        database: 0,
    };
    let (answer, answers) = sync_channel(8);
    let (answers, look_ups) = (Mutex::new(answers), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&look_ups);
    let names = move |host: &str, port: u16| {
        assert_eq!((host, port), ("redis.internal", 6379));
        counted.fetch_add(1, Ordering::SeqCst);
        let found: &str = answers.lock().recv().map_err(io::Error::other)?;
        Ok(vec![found.parse().map_err(io::Error::other)?])
    };
    (RedisClient::asking(&config, names).unwrap(), answer, look_ups)
}

/// Calls that both give up.
async fn give_up(client: &RedisClient) {
    let short = Duration::from_millis(5);
    let both = [client.addresses(), client.addresses()];
    for call in futures_util::future::join_all(both.map(|call| timeout(short, call))).await {
        assert!(call.is_err(), "{call:?}");
    }
}

#[tokio::test]
async fn a_slow_look_up_takes_one_thread_and_answers_a_later_call() {
    let (client, answer, look_ups) = client();
    for _ in 0..3 {
        give_up(&client).await;
    }
    answer.send(FOUND).unwrap();
    let found = timeout(Duration::from_secs(10), client.addresses()).await;
    assert_eq!(found.expect("the answer to the first call").unwrap(), [FOUND.parse().unwrap()]);
    assert_eq!(look_ups.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_serves_the_calls_that_wait_for_it_and_no_later_one() {
    let (client, answer, look_ups) = client();
    let (found, later) = (vec![FOUND.parse().unwrap()], "192.0.2.2:6379");
    let both_wait = async { answer.send(FOUND).unwrap() };
    let (one, other, ()) = tokio::join!(client.addresses(), client.addresses(), both_wait);
    assert_eq!([one.unwrap(), other.unwrap()], [found.clone(), found]);
    answer.send(later).unwrap();
    assert_eq!(client.addresses().await.unwrap(), [later.parse().unwrap()]);
    assert_eq!(look_ups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_without_an_answer_is_looked_up_again() {
    let (client, answer, look_ups) = client();
    answer.send("no address").unwrap();
    client.addresses().await.unwrap_err();
    answer.send(FOUND).unwrap();
    client.addresses().await.unwrap();
    assert_eq!(look_ups.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_address_needs_no_look_up() {
    let (mut client, _answer, look_ups) = client();
    for host in ["127.0.0.1", "::1"] {
        host.clone_into(&mut client.host);
        let found = client.addresses().await.unwrap();
        assert_eq!(found, [SocketAddr::new(host.parse().unwrap(), 6379)]);
    }
    assert_eq!(look_ups.load(Ordering::SeqCst), 0);
}
