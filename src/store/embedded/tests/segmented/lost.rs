//! Segments that are missing, damaged or not ours: only their records are lost.

use std::os::unix::fs::FileExt;

use super::*;

#[tokio::test]
async fn a_missing_segment_loses_only_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (lost, kept) = (documents("lost", 1), documents("kept", 1));
    write(&store, &lost).await;
    merge(&store);
    let (path, number) = segment(dir.path());
    write(&store, &kept).await;
    merge(&store);
    fs::remove_file(&path).unwrap();
    store.probe(Duration::from_secs(10)).await.unwrap();
    assert_eq!(store.losses(), 0, "nobody has noticed");
    assert_lacks(&store, &lost).await;
    assert_reads(&store, &kept).await;
    store.probe(Duration::from_secs(10)).await.unwrap();
    assert_eq!(store.losses(), 1);
    let copy = killed(dir.path());
    let after_kill = open(copy.path()).await;
    assert!(!usage(&after_kill).contains_key(&number));
    after_kill.probe(Duration::from_secs(10)).await.unwrap();
    assert_eq!(after_kill.losses(), 1);
    assert_lacks(&after_kill, &lost).await;
    assert_reads(&after_kill, &kept).await;
    after_kill.probe(Duration::from_secs(10)).await.unwrap();
    assert_eq!(after_kill.losses(), 1);
    // They come back like any document.
    let again = documents("lost", 2);
    write(&after_kill, &again).await;
    assert_reads(&after_kill, &again).await;
    assert_works(copy.path(), after_kill).await;
}

#[tokio::test]
async fn damage_in_a_segment_costs_the_damaged_records_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("damage", 1);
    write(&store, &entries).await;
    merge(&store);
    let (path, number) = segment(dir.path());
    let addresses = run(&store, |file| {
        let keys = entries.iter().map(|entry| entry.key());
        tables::addresses(&file.database, keys).unwrap()
    });
    // In a record, in the head of a frame, and the end is missing.
    let place = |n: usize| addresses[n].unwrap().span;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"damage", place(20).at() + 5_000).unwrap();
    file.write_all_at(b"damage", place(30).at() - 50).unwrap();
    file.set_len(place(99).at() + 100).unwrap();
    let damaged = [20, 30, 99];
    for round in 0..3 {
        for (n, entry) in entries.iter().enumerate() {
            match read_one(&store, entry.key()).await {
                Ok(read) => assert!(read.as_ref() == (!damaged.contains(&n)).then_some(entry)),
                Err(_) => assert!(n == 20 && round == 0),
            }
        }
        match round {
            0 => {
                // Most are removed, so the rest moves: the damage does not keep the file.
                let gone = [&entries[..20], &entries[40..99]].concat();
                remove(&store, &gone).await;
                merge(&store);
                collect(&store);
                merge(&store);
                assert!(!path.exists() && !usage(&store).contains_key(&number));
                write(&store, &gone).await;
            }
            _ => merge(&store),
        }
    }
}

#[tokio::test]
async fn a_segment_of_another_store_has_no_records() {
    let [ours, theirs] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let entries = documents("same", 1);
    for dir in [&ours, &theirs] {
        let store = open(dir.path()).await;
        write(&store, &entries).await;
        merge(&store);
        store.close().await;
    }
    fs::copy(segment(theirs.path()).0, segment(ours.path()).0).unwrap();
    let store = open(ours.path()).await;
    assert_lacks(&store, &entries).await;
    assert_works(ours.path(), store).await;
}

#[tokio::test]
async fn a_store_file_that_is_replaced_serves_nothing_from_segments() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("old", 1);
    write(&store, &entries).await;
    merge(&store);
    assert_eq!(segments(dir.path()).len(), 1);
    fs::remove_file(dir.path().join("svm.redb")).unwrap();
    store.probe(Duration::from_secs(10)).await.unwrap();
    assert_lacks(&store, &entries).await;
    assert_eq!(segments(dir.path()).len(), 0);
    assert_works(dir.path(), store).await;
}

#[tokio::test]
async fn files_of_other_names_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let foreign =
        ["svm.redb.segment-", "svm.redb.segment-1x", "svm.redb.segment-1.bak", "segment-1"];
    for name in foreign {
        fs::write(dir.path().join(name), "precious").unwrap();
    }
    fs::write(dir.path().join("svm.redb.segment-77"), "left behind").unwrap();
    drop(open(dir.path()).await);
    for name in foreign {
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "precious");
    }
    assert!(!dir.path().join("svm.redb.segment-77").exists());
}

#[tokio::test]
async fn a_journal_that_is_not_in_its_place_becomes_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("place", 1);
    write(&store, &entries).await;
    let lengths = JOURNALS.map(|name| length(dir.path().join(name)));
    let journal = dir.path().join(JOURNALS[usize::from(lengths[1] > 8)]);
    fs::remove_file(&journal).unwrap();
    fs::write(&journal, "precious").unwrap();
    merge(&store);
    assert_eq!(fs::read_to_string(&journal).unwrap(), "precious");
    assert_eq!(segments(dir.path()).len(), 0);
    assert_reads(&store, &entries).await;
    // Nor does one where no other can be made.
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fs::create_dir(dir.path().join(SPARE)).unwrap();
    write(&store, &entries).await;
    merge(&store);
    assert_eq!(segments(dir.path()).len(), 0);
    assert_reads(&store, &entries).await;
}

#[tokio::test]
async fn a_segment_that_cannot_be_opened_for_now_has_lost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("later", 1);
    write(&store, &entries).await;
    merge(&store);
    let (path, number) = segment(dir.path());
    let aside = dir.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &path).unwrap();
    // A record that svm cannot read is no record that was removed.
    for entry in &entries {
        assert!(read_one(&store, entry.key()).await.is_err());
    }
    // Another segment gives its few remaining records up meanwhile.
    let others = documents("other", 1);
    write(&store, &others).await;
    merge(&store);
    remove(&store, &entries[..95]).await;
    remove(&store, &others[..60]).await;
    merge(&store);
    collect(&store);
    merge(&store);
    assert_eq!(usage(&store).into_keys().collect::<Vec<_>>(), [number]);
    assert_reads(&store, &others[60..]).await;
    store.probe(Duration::from_secs(10)).await.unwrap();
    assert_eq!(store.losses(), 0);

    fs::rename(&aside, &path).unwrap();
    assert_reads(&store, &entries[95..]).await;
    collect(&store);
    merge(&store);
    assert!(usage(&store).is_empty());
    assert_reads(&store, &entries[95..]).await;
}

/// Lets some collections of a segment fail, and asserts whether its records are lost then.
async fn assert_collects(failures: usize, is_lost: bool) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("error", 1);
    write(&store, &entries).await;
    merge(&store);
    let (path, number) = segment(dir.path());
    remove(&store, &entries[..60]).await;
    merge(&store);
    let replace = |options: &fs::OpenOptions| {
        run(&store, |file| file.staging.segments().replace(number, options.open(&path).unwrap()));
    };
    // The system refuses to read a file that is only open to write.
    replace(fs::OpenOptions::new().write(true));
    for n in 0..failures {
        collect(&store);
        write(&store, &[entry(&format!("later/{n}"), 1, "body")]).await;
        merge(&store);
    }
    assert_eq!(path.exists(), !is_lost);
    if !is_lost {
        replace(fs::OpenOptions::new().read(true));
        collect(&store);
        merge(&store);
        assert_reads(&store, &entries[60..]).await;
    }
    assert!(!path.exists() && usage(&store).is_empty());
    store.probe(Duration::from_secs(10)).await.unwrap();
    assert_eq!(store.losses(), u64::from(is_lost));
    assert_works(dir.path(), store).await;
}

#[tokio::test]
async fn a_read_error_that_passes_costs_a_collection_no_record() {
    assert_collects(2, false).await;
}

#[tokio::test]
async fn a_segment_that_stays_unreadable_is_given_up() {
    assert_collects(3, true).await;
}

#[tokio::test]
async fn a_damaged_record_does_not_bring_an_older_one_back() {
    for count in [3, 100] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let small = |checked| {
            let body = noise(packs::LARGEST / 2);
            let entry = |n| entry(&format!("small/{n}"), checked, &format!("{n} {body}"));
            (0..3).map(entry).collect::<Vec<_>>()
        };
        let all =
            |checked| [documents("large", checked)[..count].to_vec(), small(checked)].concat();
        write(&store, &all(1)).await;
        merge(&store);
        let newer = all(2);
        write(&store, &newer).await;
        let lengths = JOURNALS.map(|name| length(dir.path().join(name)));
        let journal = dir.path().join(JOURNALS[usize::from(lengths[1] > 8)]);
        let mut bytes = fs::read(&journal).unwrap();
        // In the records of one large and of one small document, which is the last one.
        let place = |text: &str| bytes.windows(text.len()).position(|it| it == text.as_bytes());
        let places = ["large/1", "small/2"].map(|url| place(url).unwrap());
        places.iter().for_each(|at| bytes[*at] = b'X');
        fs::OpenOptions::new().write(true).open(&journal).unwrap().write_all_at(&bytes, 0).unwrap();
        let copy = killed(dir.path());
        merge(&store);
        let recovered = open(copy.path()).await;
        let copy = killed(copy.path());
        let recovered_twice = open(copy.path()).await;
        let damaged = [&newer[1], &newer[count + 2]];
        for (step, store) in [&store, &recovered, &recovered_twice].into_iter().enumerate() {
            for entry in &newer {
                let want = (!damaged.contains(&entry)).then_some(entry);
                let read = read_one(store, entry.key()).await.unwrap();
                assert!(read.as_ref() == want, "{} in {step}", entry.url);
            }
        }
    }
}
