//! Packs under writes, replacements, removals and evictions: each pointer leads to its record, and
//! no pack stays without need.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::store::embedded::Embedded;
use crate::store::embedded::pack_tables::{self, LIVE, PACKS};
use crate::store::embedded::packs::Pointer;
use crate::store::embedded::write_tables::RECORDS;

use crate::clock::{Clock, ManualClock};
use crate::entry::Entry;
use crate::store::tests::in_process::read_one;
use crate::store::tests::laws::{NOW, at, entry, noise, put};
use crate::store::{Change, Store};

async fn open(dir: &Path) -> Embedded {
    let config = crate::config::Embedded { dir: dir.to_path_buf(), max_bytes: 8 << 20 };
    let clock = Clock::Manual(ManualClock::at(NOW));
    Embedded::open(&config, &clock, Duration::ZERO).await.unwrap().store
}

fn merge(store: &Embedded) {
    store.handle.run(|file| file.staging.merge_all(&file.database, NOW, &store.room)).unwrap();
}

/// Returns the number of packs and the number of records in them. Checks that the tables agree with
/// them.
fn packs(store: &Embedded) -> (usize, usize) {
    let of = |file: &crate::store::embedded::OpenFile| {
        let transaction = file.database.begin_read()?;
        let (packs, live) = (transaction.open_table(PACKS)?, transaction.open_table(LIVE)?);
        let (mut used, mut records) = (HashMap::new(), 0);
        for row in transaction.open_table(RECORDS)?.iter()? {
            let (_, value) = row?;
            let Some(pointer) = Pointer::of(value.value()) else { continue };
            let pack = packs.get(pointer.pack)?.expect("a pack");
            assert!(pointer.record(pack.value()).unwrap().starts_with(b"svm"));
            *used.entry(pointer.pack).or_insert(0) += pointer.bytes_in_pack();
            records += 1;
        }
        let mut count = 0;
        for row in packs.iter()? {
            let (number, pack) = row?;
            let used = used[&number.value()];
            assert_eq!(live.get(number.value())?.map(|live| live.value()), Some(used));
            assert!(used * 2 >= pack.value().len() as u64);
            count += 1;
        }
        assert_eq!(live.iter()?.count(), count);
        Ok((count, records))
    };
    store.handle.run(of).unwrap()
}

async fn assert_reads(store: &Embedded, entries: &[Arc<Entry>]) {
    for entry in entries {
        assert!(read_one(store, entry.key()).await.unwrap().is_some_and(|read| read == *entry));
    }
}

#[tokio::test]
async fn small_records_are_packed_and_large_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = [100, 1_000, 3_000, 6_000, 50_000, 700_000]
        .into_iter()
        .flat_map(|bytes| (0..5).map(move |n| (bytes, n)))
        .map(|(bytes, n)| entry(&format!("{bytes}/{n}"), 1, &noise(bytes)))
        .collect();
    store.apply(entries.iter().take(25).map(put).collect(), NOW).await.unwrap();
    merge(&store);
    assert_eq!(packs(&store).1, 15);
    assert_reads(&store, &entries[..25]).await;
    store.close().await;
    assert_reads(&open(dir.path()).await, &entries[..25]).await;
}

#[tokio::test]
async fn a_pack_goes_with_its_records_and_its_last_ones_move_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = (0..10).map(|n| entry(&format!("pack/{n}"), 1, &noise(1_000))).collect();
    store.apply(entries.iter().map(put).collect(), NOW).await.unwrap();
    merge(&store);
    assert_eq!(packs(&store), (1, 10));
    let remove = |entry: &Arc<Entry>| Change::Remove { key: entry.key(), as_of: at(1) };
    store.apply(entries[..4].iter().map(remove).collect(), NOW).await.unwrap();
    merge(&store);
    assert_eq!(packs(&store), (1, 6));
    store.apply(entries[4..8].iter().map(remove).collect(), NOW).await.unwrap();
    merge(&store);
    assert_eq!(packs(&store), (0, 0));
    assert_reads(&store, &entries[8..]).await;
    assert_eq!(read_one(&store, entries[0].key()).await.unwrap(), None);
}

#[tokio::test]
async fn packs_of_a_merge_that_was_cut_off_go_with_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = (0..90).map(|n| entry(&format!("cut/{n}"), 1, &noise(1_000))).collect();
    store.apply(entries[..30].iter().map(put).collect(), NOW).await.unwrap();
    merge(&store);
    let (count, records) = packs(&store);
    let cut_off = |file: &crate::store::embedded::OpenFile| {
        let kept = |entry: &Arc<Entry>| {
            let (record, until) = put(entry).record().expect("a record");
            Ok((*entry.key().as_bytes(), (record, until)))
        };
        pack_tables::write(&file.database, entries[30..].iter().map(kept))?;
        // Another transaction makes them durable.
        let transaction = file.database.begin_write()?;
        transaction.commit()?;
        Ok(file.database.begin_read()?.open_table(PACKS)?.len()?)
    };
    assert!(store.handle.run(cut_off).unwrap() > count as u64);
    assert_eq!(read_one(&store, entries[40].key()).await.unwrap(), None);
    store.close().await;
    let store = open(dir.path()).await;
    store.apply([put(&entries[40])].into(), NOW).await.unwrap();
    merge(&store);
    assert_eq!(packs(&store), (count + 1, records + 1));
    assert_reads(&store, &entries[..30]).await;
    assert_reads(&store, &entries[40..41]).await;
}

#[tokio::test]
async fn packs_agree_with_their_pointers_after_any_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut random = fastrand::Rng::with_seed(3);
    let mut newest: HashMap<u64, Option<Arc<Entry>>> = HashMap::new();
    let mut is_evicted = false;
    for round in 1..60 {
        for _ in 0..random.usize(1..80) {
            let number = random.u64(..1_500);
            let entry = entry(&format!("any/{number}"), round, &noise(random.usize(10..7_000)));
            let change = match random.u8(..4) {
                0 => Change::Remove { key: entry.key(), as_of: at(round) },
                _ => Change::Put { entry: Arc::clone(&entry), keep_until: at(1_000 + round) },
            };
            newest.insert(number, matches!(change, Change::Put { .. }).then_some(entry));
            store.apply([change].into(), at(round)).await.unwrap();
        }
        merge(&store);
        let (count, records) = packs(&store);
        assert!(count <= records);
        for (number, newest) in &newest {
            let key = entry(&format!("any/{number}"), 1, "").key();
            let read = read_one(&store, key).await.unwrap();
            is_evicted |= read.is_none() && newest.is_some();
            assert!(read.is_none() || read == *newest, "{number} in {round}");
        }
    }
    assert!(is_evicted && packs(&store).0 > 20);
}
