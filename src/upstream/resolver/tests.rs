//! The addresses that a resolver returns, and those that the client dials.

mod dialled;

use std::time::Duration;

use super::*;

/// A limit that is longer than any look-up of these tests takes.
const LONG: Duration = Duration::from_secs(5);

fn addresses<const N: usize>(texts: [&str; N]) -> Vec<SocketAddr> {
    texts.map(|text| SocketAddr::new(text.parse().unwrap(), 0)).into()
}

#[test]
fn special_purpose_addresses_are_left_out_of_a_mixed_answer() {
    let found = ["127.0.0.1", "140.82.121.6", "::1", "169.254.169.254", "10.0.0.1"];
    assert_eq!(public(addresses(found)), Some(addresses(["140.82.121.6"])));
}

#[test]
fn an_answer_of_special_purpose_addresses_alone_is_none() {
    assert_eq!(public(addresses(["127.0.0.1", "fe80::1", "::ffff:10.0.0.1"])), None);
    assert_eq!(public(Vec::new()), None);
}

#[tokio::test]
async fn look_ups_are_bounded() {
    let resolver = Resolver::new(&[]);
    let all = resolver.look_ups.acquire_many(LOOK_UPS as u32).await.unwrap();
    let waits = resolver.addresses("localhost");
    assert!(tokio::time::timeout(Duration::from_millis(20), waits).await.is_err());
    drop(all);
    resolver.addresses("localhost").await.unwrap_err();
}

#[tokio::test]
async fn a_look_up_that_hangs_leaves_threads_to_other_names() {
    let (release, hang) = std::sync::mpsc::sync_channel::<()>(1);
    let hang = std::sync::Mutex::new(hang);
    let resolver = Resolver::asking(&[], move |host, _| match host {
        "hangs.example" => {
            let _ = hang.lock().unwrap().recv();
            Ok(Vec::new())
        }
        _ => Ok(addresses(["140.82.121.6"])),
    });
    for _ in 0..=LOOK_UPS {
        let waits = resolver.addresses("hangs.example");
        assert!(tokio::time::timeout(Duration::from_millis(5), waits).await.is_err());
    }
    let works = tokio::time::timeout(LONG, resolver.addresses("works.example")).await;
    drop(release);
    assert_eq!(works.expect("a thread is free").unwrap(), addresses(["140.82.121.6"]));
    resolver.addresses("hangs.example").await.unwrap_err();
}

#[tokio::test]
async fn callers_of_one_name_share_its_look_up() {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (release, hang) = std::sync::mpsc::sync_channel::<()>(1);
    let hang = std::sync::Mutex::new(hang);
    let resolver = Resolver::asking(&[], {
        let count = Arc::clone(&count);
        move |_, _| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _ = hang.lock().unwrap().recv();
            Ok(addresses(["140.82.121.6"]))
        }
    });
    let [one, other] = [resolver.addresses("github.example"), resolver.addresses("github.example")];
    let (one, other, ()) = tokio::join!(one, other, async {
        tokio::task::yield_now().await;
        drop(release);
    });
    assert_eq!((one.unwrap(), other.unwrap().len()), (addresses(["140.82.121.6"]), 1));
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn localhost_is_refused_unless_the_operator_sends_it_there() {
    let refused = Resolver::new(&[]).addresses("localhost").await;
    assert!(refused.unwrap_err().is::<NoPublicAddress>());

    let address = "127.0.0.1:8443".parse().unwrap();
    let rule = ConnectTo { host: "github.example".into(), address: ConnectAddress::Ip(address) };
    let found = Resolver::new(&[rule]).addresses("GitHub.example").await;
    assert_eq!(found.unwrap(), [address]);
}

#[tokio::test]
async fn a_name_of_the_operator_is_looked_up_unchecked() {
    let address = ConnectAddress::Name { host: "gateway.example".into(), port: 8_443 };
    let rule = ConnectTo { host: "github.example".into(), address };
    let resolver = Resolver::asking(&[rule], |host, port| {
        assert_eq!((host, port), ("gateway.example", 8_443));
        Ok(vec![([10, 0, 0, 1], port).into()])
    });
    let found = resolver.addresses("github.example").await;
    assert_eq!(found.unwrap(), ["10.0.0.1:8443".parse().unwrap()]);
}
