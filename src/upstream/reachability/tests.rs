//! The failures from which a host counts as failing, and the end of its outage.

use super::*;

const START: Timestamp = Timestamp::from_secs(1_780_315_200);
const HOST: &str = "api.github.com";

fn after(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

fn failing(hosts: &Reachability, now: Timestamp) -> Vec<(Box<str>, Cause)> {
    let reports = hosts.reports(now).into_iter();
    reports.filter_map(|report| Some((report.host, report.failing?.cause))).collect()
}

#[test]
fn a_failure_of_the_host_counts_at_once() {
    for cause in Cause::ALL.into_iter().filter(|cause| cause.is_of_host()) {
        let hosts = Reachability::default();
        assert!(matches!(
            hosts.observe(HOST, Subject::Document, Err(cause), START),
            Some(HostNews::Fails(_))
        ));
        assert_eq!(failing(&hosts, START), [(HOST.into(), cause)]);
    }
}

#[test]
fn a_failure_of_one_document_counts_once_it_is_confirmed() {
    for cause in Cause::ALL.into_iter().filter(|cause| !cause.is_of_host()) {
        let hosts = Reachability::default();
        let _ = hosts.observe(HOST, Subject::Document, Err(cause), START);
        assert_eq!(failing(&hosts, after(999)), []);
        assert_eq!(failing(&hosts, after(1_000)), [(HOST.into(), cause)]);
        let _ = hosts.observe(HOST, Subject::Document, Err(cause), START);
        assert_eq!(failing(&hosts, START), [(HOST.into(), cause)]);
    }
}

#[test]
fn a_success_ends_it_for_its_host_alone() {
    let hosts = Reachability::default();
    for host in ["a", "b"] {
        let _ = hosts.observe(host, Subject::Document, Err(Cause::Tls), START);
    }
    let news = hosts.observe("a", Subject::Document, Ok(()), after(5));
    assert_eq!(news, Some(HostNews::Works(OutageFacts { since: START, failures: 1 })));
    assert_eq!(failing(&hosts, after(5)), [("b".into(), Cause::Tls)]);
    assert_eq!(hosts.reports(after(5)).len(), 2);
}

#[test]
fn the_beginning_is_the_first_failure_and_the_cause_the_last() {
    let hosts = Reachability::default();
    let _ = hosts.observe(HOST, Subject::Document, Err(Cause::Timeout), START);
    let _ = hosts.observe(HOST, Subject::Document, Err(Cause::ConnectionRefused), after(70_000));
    let report = &hosts.reports(after(70_000))[0];
    let failing = Failing { cause: Cause::ConnectionRefused, since: START };
    assert_eq!(report.failing, Some(failing));
}

#[test]
fn a_failure_that_nothing_confirms_is_forgotten_after_an_hour() {
    let hosts = Reachability::default();
    let _ = hosts.observe(HOST, Subject::Document, Err(Cause::Tls), START);
    assert_eq!(failing(&hosts, after(3_599_999)).len(), 1);
    assert_eq!(failing(&hosts, after(3_600_000)), []);
}

#[test]
fn an_inquiry_about_a_token_begins_a_line_but_no_report() {
    let hosts = Reachability::default();
    for _ in 0..3 {
        let _ = hosts.observe(HOST, Subject::Token, Err(Cause::Tls), START);
    }
    assert_eq!(failing(&hosts, after(60_000)), []);
    let _ = hosts.observe(HOST, Subject::Document, Err(Cause::Tls), after(60_000));
    assert_eq!(failing(&hosts, after(60_000)), [(HOST.into(), Cause::Tls)]);
    let _ = hosts.observe(HOST, Subject::Token, Ok(()), after(60_001));
    assert_eq!(failing(&hosts, after(60_001)), []);
}
