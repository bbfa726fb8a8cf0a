//! The counters of all responses, by route and class of status.

use http::StatusCode;
use prometheus::{IntCounter, IntCounterVec};

use crate::metrics::Registry;

/// The classes of the statuses that pages answer with.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The responses of all routes.
pub(in crate::http) struct Responses(IntCounterVec);

/// The responses of one route.
pub(in crate::http) struct RouteResponses([IntCounter; CLASSES.len()]);

impl Responses {
    pub(in crate::http) fn new(registry: &Registry) -> Self {
        Self(registry.counter_family(
            "svm_responses_total",
            "Responses by route and class of status",
            &["route", "class"],
        ))
    }

    /// Returns the counters of the route with this name.
    pub(in crate::http) fn of_route(&self, route: &str) -> RouteResponses {
        RouteResponses(CLASSES.map(|class| self.0.with_label_values(&[route, class])))
    }
}

impl RouteResponses {
    /// Counts a response.
    pub(in crate::http) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        self.0[class.min(CLASSES.len() - 1)].inc();
    }
}
