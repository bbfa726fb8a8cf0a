//! The addresses that a resolver returns, and those that the client dials.

mod dialled;

use super::*;

fn by_system() -> LookUps {
    LookUps::new(1)
}

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
async fn localhost_is_refused_unless_the_operator_sends_it_there() {
    let refused = Resolver::new(&[], by_system()).addresses("localhost").await;
    assert!(refused.unwrap_err().is::<NoPublicAddress>());

    let address = "127.0.0.1:8443".parse().unwrap();
    let rule = ConnectTo { host: "github.example".into(), address: ConnectAddress::Ip(address) };
    let found = Resolver::new(&[rule], by_system()).addresses("GitHub.example").await;
    assert_eq!(found.unwrap(), [address]);
}

#[tokio::test]
async fn a_name_of_the_operator_is_looked_up_unchecked() {
    let address = ConnectAddress::Name { host: "gateway.example".into(), port: 8_443 };
    let rule = ConnectTo { host: "github.example".into(), address };
    let look_ups = LookUps::asking(1, |host, port| {
        assert_eq!((host, port), ("gateway.example", 8_443));
        Ok(vec![([10, 0, 0, 1], port).into()])
    });
    let found = Resolver::new(&[rule], look_ups).addresses("github.example").await;
    assert_eq!(found.unwrap(), ["10.0.0.1:8443".parse().unwrap()]);
}
