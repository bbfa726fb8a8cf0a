//! A story: a real service, the simulated GitHub, and the world of the model.

use std::time::Duration;

use serde_json::Value;
use svm::clock::Clock;

use super::laws::{NEGATIVE_TTL, Seen};
use super::world::{DOCUMENTS, Document, REPOSITORY, Shown, Told, World};
use super::{Event, Step};
use crate::support::app::{Answer, TestApp, encode};
use crate::webhooks::{SECRET, deliver, signature};

/// The minimum ages that clients request, in seconds, each with the document whose URL they use.
const AGES: [(u64, Document); 3] =
    [(0, Document::Latest), (40, Document::List), (150, Document::Latest)];

/// The service, and the truth.
pub(super) struct Story {
    app: TestApp,
    world: World,
    /// The event of the last deletion.
    deletion: Option<String>,
    /// A counter that makes each event different.
    events: u64,
    /// The last answer for each document: its check, and true if it was false.
    seen: [Option<(u64, bool)>; DOCUMENTS.len()],
}

impl Story {
    /// Starts a service that holds every document of a repository with two releases.
    pub(super) async fn begin() -> Self {
        let app = TestApp::builder()
            .set("WEBHOOK_SECRETS", SECRET)
            .set("CACHE_NEGATIVE_TTL", &format!("{NEGATIVE_TTL}s"))
            .set("REVALIDATE_INTERVAL", "24h")
            .start()
            .await;
        let (world, seen) = (World::default(), [None; DOCUMENTS.len()]);
        let mut story = Self { app, world, deletion: None, events: 0, seen };
        story.publish();
        story.app.advance(Duration::from_secs(100));
        story.publish();
        story.look().await;
        story
    }

    pub(super) async fn play(&mut self, step: Step) {
        match step {
            Step::Publish => self.publish(),
            Step::Delete => self.delete(),
            Step::Lie { document, is_older, seconds } => self.lie(document, is_older, seconds),
            Step::Tell(event) => self.tell(event).await,
            Step::Sweep(document) => drop(self.app.try_to_revalidate(&document.url()).await),
            Step::Refresh(document) => self.refresh(document).await,
            Step::Advance(seconds) => self.app.advance(Duration::from_secs(seconds)),
            Step::Restart => drop(self.app.restart().await),
        }
        self.look().await;
    }

    /// Ends all lies. A minute and two sweeps later, svm must serve the truth.
    pub(super) async fn end(mut self) {
        self.end_lies();
        for seconds in [0, 60, NEGATIVE_TTL] {
            self.app.advance(Duration::from_secs(seconds));
            for document in DOCUMENTS {
                let _ = self.app.try_to_revalidate(&document.url()).await;
            }
        }
        for document in DOCUMENTS {
            let (shown, answer) = self.ask(document).await;
            assert_eq!(shown, self.world.truth(document), "{}\n{:#?}", answer.head(), self.world);
        }
        let _ = self.app.stop().await;
    }

    /// Publishes a release. No two releases are published in one second.
    fn publish(&mut self) {
        self.app.advance(Duration::from_secs(1));
        let tag = self.world.publish(self.now());
        self.app.github.publish(REPOSITORY, &tag);
    }

    fn delete(&mut self) {
        if !self.world.releases().is_empty() {
            self.deletion = Some(self.app.github.release_event(REPOSITORY, "deleted"));
            self.world.delete(self.now());
            self.app.github.unpublish(REPOSITORY);
        }
    }

    fn lie(&mut self, document: Document, is_older: bool, seconds: u64) {
        self.end_lies();
        let from = self.now();
        self.app.github.lie(&document.path(), document.lie(is_older), seconds);
        self.world.lie(Told { document, is_older, from, until: from + seconds });
    }

    fn end_lies(&mut self) {
        let now = self.now();
        if let Some(told) = self.world.lie_now(now) {
            let document = told.document;
            self.app.github.lie(&document.path(), document.lie(told.is_older), 0);
            self.world.lie(Told { from: now, until: now, ..told });
        }
    }

    /// Sends an event. Without a lie, an accepted event corrects every document at once, except for
    /// a tag whose deletion no event has reported.
    async fn tell(&mut self, event: Event) {
        let Some(body) = self.event(event) else { return };
        let answer = deliver(&self.app, &signature(SECRET, &body), &body).await;
        let is_taken = answer.text() == r#"{"status":"accepted"}"#;
        if !is_taken || self.world.lie_now(self.now()).is_some() {
            return;
        }
        for document in [Document::List, Document::Latest] {
            let truth = self.world.truth(document);
            self.app.until(async || self.ask(document).await.0 == truth).await;
        }
    }

    /// Returns the body of a new event.
    fn event(&mut self, event: Event) -> Option<String> {
        let github = &self.app.github;
        let body = match event {
            Event::Published if self.world.releases().is_empty() => return None,
            Event::Published => github.release_event(REPOSITORY, "published"),
            Event::Deleted => self.deletion.clone()?,
            Event::Pushed => github.push_event(REPOSITORY),
        };
        self.events += 1;
        Some(body.replacen('{', &format!("{{\"number\":{},", self.events), 1))
    }

    /// Asserts that a refresh shows GitHub's current answer.
    async fn refresh(&self, document: Document) {
        let answer = self.app.refresh(&document.url()).await;
        let said = self.world.said(document, self.now());
        assert_eq!(shown(document, &answer), said, "{}\n{:#?}", answer.head(), self.world);
    }

    /// Requests every document, and parts of it.
    async fn look(&mut self) {
        self.app.reaches("svm_flights", 0.0).await;
        for (place, document) in DOCUMENTS.into_iter().enumerate() {
            let (shown, answer) = self.ask(document).await;
            let age: u64 = answer.header("age").parse().unwrap_or(0);
            let (checked_at, before) = (self.now() - age, self.seen[place]);
            let seen = Seen { document, shown, checked_at, before };
            seen.judge(&self.world);
            self.seen[place] = Some((checked_at, !seen.is_true(&self.world)));
            let pointer = if document == Document::List { "/0/tag_name" } else { "/tag_name" };
            let parameters = format!("pointer={pointer}");
            let part = |document: &Value| document.pointer(pointer).cloned();
            self.is_part(&parameters, document, (document, &answer), part).await;
            if document == Document::List {
                self.look_at_ages(&answer).await;
            }
        }
    }

    async fn look_at_ages(&self, list: &Answer) {
        for (age, document) in AGES {
            let by = self.now() - age;
            let parameters = format!("min_age={age}s&pointer=/tag_name");
            let part = |list: &Value| newest(list, by);
            self.is_part(&parameters, document, (Document::List, list), part).await;
        }
    }

    async fn ask(&self, document: Document) -> (Shown, Answer) {
        let answer = self.app.version(&document.url()).await;
        (shown(document, &answer), answer)
    }

    /// Asserts that a part belongs to the document as it is served before it or after it: a check
    /// in the background may have come in between.
    async fn is_part(
        &self,
        parameters: &str,
        of: Document,
        (from, before): (Document, &Answer),
        part: impl Fn(&Value) -> Option<Value>,
    ) {
        let path = format!("/version?url={}&{parameters}", encode(&of.url()));
        let answer = self.app.get(&path).await;
        let found = (answer.status == 200).then(|| answer.json());
        let part_of = |whole: &Answer| {
            let document = (whole.status == 200).then(|| whole.json());
            document.and_then(|document| part(&document))
        };
        if part_of(before) != found {
            let after = self.app.version(&from.url()).await;
            assert_eq!(part_of(&after), found, "{path}: {}", answer.text());
        }
    }

    fn now(&self) -> u64 {
        Clock::Manual(self.app.clock.clone()).now().as_secs()
    }
}

/// Returns the tag of the newest release in a list that was published by this second.
fn newest(list: &Value, by: u64) -> Option<Value> {
    let at = |release: &Value| {
        let published = svm::clock::Timestamp::from_rfc3339(release["published_at"].as_str()?);
        published.map(svm::clock::Timestamp::as_secs).filter(|at| *at <= by)
    };
    let mut releases: Vec<_> = list.as_array()?.iter().rev().collect();
    releases.retain(|release| at(release).is_some());
    let newest = releases.into_iter().max_by_key(|release| at(release))?;
    Some(newest["tag_name"].clone())
}

fn shown(document: Document, answer: &Answer) -> Shown {
    if answer.status == 404 {
        return Shown::Missing;
    }
    assert_eq!(answer.status, 200, "{}", answer.head());
    let json = answer.json();
    let tag = |release: &Value| release["tag_name"].as_str().expect("a tag").to_owned();
    match document {
        Document::List => Shown::Tags(json.as_array().expect("a list").iter().map(tag).collect()),
        _ => Shown::Release(tag(&json)),
    }
}
