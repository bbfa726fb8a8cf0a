//! Admission: closing connections, and heads.

use super::*;
use crate::metrics::Registry;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn connections(limit: usize) -> Connections {
    let proxies = Proxies::new(&[]);
    let limits = ConnectionLimits { connections: limit, per_client: None, proxies };
    Connections::new(limits, Clock::System, ConnectionCounters::new(&Registry::default()))
}

#[tokio::test]
async fn the_body_of_a_request_is_no_incomplete_head() {
    let connections = connections(2);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut delivery = connections.admit(PEER, &close, &abort).await.expect("there is room");
    delivery.note_read(1_000);
    delivery.begin_request(true);
    delivery.note_read(2 * LARGEST_HEADS);
    delivery.note_wait(0, 0);
    assert!(!delivery.close_signal().is_cancelled() && !delivery.abort_signal().is_cancelled());
    delivery.end_request();
    delivery.note_read(LARGEST_HEADS);
    delivery.note_wait(0, 0);
    assert!(delivery.abort_signal().is_cancelled(), "the next head counts");
}

#[tokio::test]
async fn a_silent_client_that_is_to_leave_keeps_no_other_out() {
    let connections = connections(SPARE);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let admit = || connections.admit(PEER, &close, &abort);
    let mut open = Vec::new();
    for _ in 0..2 * SPARE {
        open.push(admit().await.expect("an idle connection makes room"));
    }
    let silent = open.remove(0);
    let leaves = async {
        silent.abort_signal().cancelled().await;
        drop(silent);
    };
    let (admitted, ()) =
        timeout(Duration::from_secs(10), async { tokio::join!(admit(), leaves) }).await.unwrap();
    assert!(admitted.is_some());
    assert!(!open.last().unwrap().abort_signal().is_cancelled(), "it is not to leave");
}

/// Makes a connection a closing one whose answer is still being written.
fn close_while_writing(connections: &Connections, open: &mut OpenConnection) {
    open.note_write();
    open.note_flush();
    connections.0.table.lock().close(open, connections.now());
}

#[tokio::test(start_paused = true)]
async fn below_the_limit_closing_ones_keep_no_client_out() {
    let connections = connections(4 * SPARE);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut closing = Vec::new();
    for _ in 0..2 * SPARE {
        let mut open = connections.admit(PEER, &close, &abort).await.expect("there is room");
        close_while_writing(&connections, &mut open);
        closing.push(open);
    }
    let admitted = timeout(Duration::from_secs(5), connections.admit(PEER, &close, &abort));
    assert!(admitted.await.expect("there is room").is_some());
    assert!(closing.iter().all(|open| !open.abort_signal().is_cancelled()));
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_oldest_closing_ones_make_room() {
    let connections = connections(SPARE);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut open = Vec::new();
    for _ in 0..2 * SPARE {
        open.push(connections.admit(PEER, &close, &abort).await.expect("there is room"));
    }
    let oldest = open.remove(0);
    let leaves = async {
        oldest.abort_signal().cancelled().await;
        drop(oldest);
    };
    let admitted = async { tokio::join!(connections.admit(PEER, &close, &abort), leaves).0 };
    let admitted = timeout(Duration::from_secs(1), admitted).await;
    assert!(admitted.expect("room within a second").is_some());
    assert!(!open[SPARE - 2].abort_signal().is_cancelled(), "the youngest of them");
}

#[tokio::test]
async fn connections_that_linger_make_room_first() {
    let connections = connections(2 * SPARE);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut open = Vec::new();
    for _ in 0..2 * SPARE {
        open.push(connections.admit(PEER, &close, &abort).await.expect("there is room"));
    }
    for (nth, open) in open.iter_mut().take(SPARE).enumerate() {
        // The second half of them has its answers written.
        match nth < SPARE / 2 {
            true => close_while_writing(&connections, open),
            false => assert!(connections.begin_lingering(open.connection())),
        }
    }
    connections.0.table.lock().abort_closing(connections.now(), SPARE);
    let aborted: Vec<_> = open.iter().map(|open| open.abort_signal().is_cancelled()).collect();
    let wanted: Vec<_> = (0..2 * SPARE).map(|nth| (SPARE / 2..SPARE).contains(&nth)).collect();
    assert_eq!(aborted, wanted);
}

#[tokio::test]
async fn the_connection_that_lingers_longest_makes_room() {
    let connections = connections(2 * MOST_LINGERING);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut lingering = Vec::new();
    for nth in 0..=MOST_LINGERING {
        let open = connections.admit(PEER, &close, &abort).await.expect("there is room");
        assert!(connections.begin_lingering(open.connection()));
        lingering.push(open);
        assert_eq!(lingering[0].abort_signal().is_cancelled(), nth == MOST_LINGERING);
    }
    assert!(!lingering[1].abort_signal().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn closing_connections_count_for_their_client() {
    let mut limits = connections(4 * SPARE).0.limits.clone();
    limits.per_client = Some(2);
    let counters = ConnectionCounters::new(&Registry::default());
    let connections = Connections::new(limits, Clock::System, counters);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut open: Vec<OpenConnection> = Vec::new();
    for _ in 0..8 {
        open.iter_mut().for_each(|open| {
            open.note_write();
            open.note_flush();
        });
        open.push(connections.admit(PEER, &close, &abort).await.expect("there is room"));
    }
    let aborted: Vec<_> = open.iter().map(|open| open.abort_signal().is_cancelled()).collect();
    assert_eq!(aborted, [true, true, true, true, false, false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_request_on_a_closing_connection_keeps_no_client_out() {
    let connections = connections(SPARE);
    let [close, abort] = [CancellationToken::new(), CancellationToken::new()];
    let mut open = Vec::new();
    for _ in 0..2 * SPARE {
        open.push(connections.admit(PEER, &close, &abort).await.expect("there is room"));
    }
    open.iter().take(SPARE).for_each(|closing| closing.begin_stream());
    let admitted = timeout(Duration::from_secs(5), connections.admit(PEER, &close, &abort));
    assert!(admitted.await.expect("a spare connection is left").is_some());
}
