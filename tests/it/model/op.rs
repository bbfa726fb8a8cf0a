//! The operations of a run.

use proptest::prelude::*;

use crate::support::faulty_store::Mood;
use crate::support::github::Failure;

/// The number of documents.
pub(super) const DOCUMENTS: usize = 2;
/// The number of tokens, each with an account of its own.
pub(super) const TOKENS: usize = 2;

/// One operation.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Clients send requests, all at once.
    Ask(Vec<Wish>),
    /// A sweep checks a document.
    Sweep(usize),
    /// Time passes, in seconds.
    Advance(u64),
    /// The upstream has a newer version of a document.
    Publish(usize),
    /// The upstream no longer has the document, and answers with this status.
    Delete(usize, u16),
    /// Requests for a document fail at the upstream.
    FailUpstream(usize, Failure),
    /// No request fails at the upstream any more.
    MendUpstream,
    /// The quota of a token is spent.
    LimitToken(usize),
    /// L2 enters a mood.
    BreakL2(Mood),
    /// L2 works again.
    MendL2,
    /// The write-behind queue is flushed.
    Flush,
    /// Other documents fill L1.
    Flood,
    /// The service ends in order, and starts again.
    Restart,
    /// The service is killed, and starts again.
    Kill,
}

/// The request of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// The number of the document.
    pub(super) document: usize,
    /// True if the client demands a refresh.
    pub(super) refresh: bool,
    /// The interface; only the first one has a refresh.
    pub(super) way: Way,
}

/// An interface to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `/version`.
    Version,
    /// `/version` with a pointer to the whole document.
    Pointer,
    /// GitHub's own path.
    Mirror,
}

/// Returns operations in sequence: a single one, or a combination that chance would rarely produce
/// and that must not go wrong.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        16 => op().prop_map(|op| vec![op]),
        1 => (document(), check()).prop_map(|(n, check)| unheard_of(n, check)),
        1 => (document(), check()).prop_map(|(n, check)| misled(n, check)),
    ]
}

/// Returns operations with a check that L2 need not store. It must count even when the body comes
/// from L2.
fn unheard_of(document: usize, check: fn(usize) -> Op) -> Vec<Op> {
    vec![ask(document), Op::Advance(1), check(document), Op::Flood, ask(document)]
}

/// Returns operations with a `304` to a request without a condition. It confirms nothing, and
/// certainly not a body that has changed.
fn misled(document: usize, check: fn(usize) -> Op) -> Vec<Op> {
    let fail = Op::FailUpstream(document, Failure::UnaskedNotModified);
    vec![ask(document), Op::Publish(document), fail, check(document)]
}

fn ask(document: usize) -> Op {
    Op::Ask(vec![Wish { document, refresh: false, way: Way::Version }])
}

fn refresh(document: usize) -> Op {
    Op::Ask(vec![Wish { document, refresh: true, way: Way::Version }])
}

/// Returns the operations that cause a request to the upstream for a fresh document.
fn check() -> impl Strategy<Value = fn(usize) -> Op> {
    prop::sample::select(vec![refresh as fn(usize) -> Op, Op::Sweep])
}

/// Returns any operation; the most informative ones are the most likely.
fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => wish(4).prop_map(|wish| Op::Ask(vec![wish])),
        3 => burst().prop_map(Op::Ask),
        2 => document().prop_map(Op::Sweep),
        6 => prop::sample::select(vec![1, 1, 11, 101, 450]).prop_map(Op::Advance),
        4 => document().prop_map(Op::Publish),
        2 => (document(), prop::sample::select(vec![404, 410])).prop_map(|(n, status)| Op::Delete(n, status)),
        3 => (document(), failure()).prop_map(|(n, failure)| Op::FailUpstream(n, failure)),
        1 => Just(Op::MendUpstream),
        1 => (0..TOKENS).prop_map(Op::LimitToken),
        3 => mood().prop_map(Op::BreakL2),
        1 => Just(Op::MendL2),
        1 => Just(Op::Flush),
        4 => Just(Op::Flood),
        2 => Just(Op::Restart),
        2 => Just(Op::Kill),
    ]
}

/// Returns mostly the same document: a defect needs several operations on one document.
fn document() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0), 1 => 0..DOCUMENTS]
}

/// Returns a request; one in `rarity` is a refresh.
fn wish(rarity: u32) -> impl Strategy<Value = Wish> {
    let refresh = prop::bool::weighted(1.0 / f64::from(rarity));
    let way = prop::sample::select(vec![Way::Version, Way::Pointer, Way::Mirror]);
    (document(), refresh, way).prop_map(|(document, refresh, way)| Wish {
        document,
        refresh,
        way: if refresh { Way::Version } else { way },
    })
}

/// Returns requests for one or two documents.
fn burst() -> impl Strategy<Value = Vec<Wish>> {
    let two = (0..DOCUMENTS, 0..DOCUMENTS);
    two.prop_flat_map(|(one, other)| {
        let wish = (prop::sample::select(vec![one, other]), prop::bool::weighted(0.3))
            .prop_map(|(document, refresh)| Wish { document, refresh, way: Way::Version });
        prop::collection::vec(wish, 2..8)
    })
}

fn mood() -> impl Strategy<Value = Mood> {
    prop::sample::select(vec![
        Mood::Fails,
        Mood::FailsWrites,
        Mood::FailsWrites,
        Mood::GarblesRecords,
    ])
}

fn failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![
        Failure::ServerError502,
        Failure::Unicorn503,
        Failure::Reset,
        Failure::HtmlWith200,
        Failure::CutBody,
        Failure::UnaskedNotModified,
        Failure::Saml,
        Failure::IpAllowList,
        Failure::Blocked451,
        Failure::BadCredentials,
        Failure::PrimaryLimit,
        Failure::SecondaryLimit(Some(30)),
        Failure::Throttled429,
    ])
}
