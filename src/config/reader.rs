//! A reader of variables. It knows the table and collects every fault.

use std::collections::BTreeMap;

use super::faults::{Faults, VariableFault};
use super::parse;
use super::redacted::{cut, redacted};
use super::settings::{Setting, Shown};
use super::variables::{VARIABLES, Variable};
use super::vars::Value;
use super::vars::Vars;

/// The number of characters of a value that a fault repeats.
const MAX_SHOWN: usize = 80;

/// A reader of single variables. Each method returns `None` if it recorded a fault.
pub(super) struct Reader<'a> {
    vars: &'a Vars,
    faults: Vec<VariableFault>,
    /// The settings read so far, by the positions of the variables in the table.
    settings: BTreeMap<usize, Setting>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(vars: &'a Vars) -> Self {
        Self { vars, faults: Vec::new(), settings: BTreeMap::new() }
    }

    /// Reads a variable that has a default.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> parse::Result<T>,
    ) -> Option<T> {
        let text = self.shown_text(name)?;
        let problem = match parse(text) {
            Ok(value) => return Some(value),
            Err(problem) => format!("{} {problem}", shown(text)),
        };
        self.note(name, &problem)
    }

    /// Reads a comma-separated list; empty if the variable is unset and has no default.
    pub(super) fn read_list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> parse::Result<T>,
    ) -> Option<Vec<T>> {
        let text = self.shown_text(name)?;
        let mut values = Vec::new();
        let mut is_faulty = false;
        // A comma in a token or a password produces items that look harmless.
        let holds_credential = cut(text).is_some();
        for item in parse::items(text) {
            match parse(item) {
                Ok(value) => values.push(value),
                Err(problem) => {
                    is_faulty = true;
                    let shown = match cut(item) {
                        None if holds_credential => "\"...\"".to_owned(),
                        _ => shown(item),
                    };
                    let _none = self.note::<()>(name, &format!("{shown} {problem}"));
                }
            }
        }
        if is_faulty {
            return None;
        }
        if values.is_empty() && !text.is_empty() {
            return self.note(name, "names nothing");
        }
        Some(values)
    }

    /// Reads a variable whose value no fault may repeat.
    pub(super) fn read_secret<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> parse::Result<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        parse(text).or_else(|problem| self.note(name, &problem).ok_or(())).ok()
    }

    /// Records a fault that only the comparison of several variables shows.
    pub(super) fn note<T>(&mut self, name: &'static str, problem: &str) -> Option<T> {
        let problem = format!("{}; accepted: {}", redacted(problem), variable(name).accepts);
        self.faults.push(VariableFault { variable: name, problem });
        None
    }

    /// Returns true if the variable has a value that is not blank.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.vars.is_set(name)
    }

    /// Records a fault for each variable that is set although svm lacks its feature.
    pub(super) fn refuse_unsupported(&mut self) {
        self.faults.extend(self.vars.unsupported().map(|(variable, feature)| VariableFault {
            variable,
            problem: format!("is set, but svm does not support {feature}"),
        }));
    }

    /// Returns the configuration, or all faults.
    pub(super) fn finish<T>(self, config: Option<T>) -> Result<T, Faults> {
        config.filter(|_| self.faults.is_empty()).ok_or(Faults(self.faults))
    }

    /// Sets the shown value of a setting to something other than its text.
    pub(super) fn describe(&mut self, name: &'static str, value: Shown) {
        let place = VARIABLES.iter().position(|variable| variable.name == name);
        self.settings.extend(place.map(|place| (place, Setting { name, value })));
    }

    /// Returns every variable that was read.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.settings.values().cloned().collect()
    }

    /// Returns the value or the default of a variable that is not secret.
    fn shown_text(&mut self, name: &'static str) -> Option<&'a str> {
        let text = self.text(name)?;
        self.describe(name, text.into());
        Some(text)
    }

    /// Returns the value or the default, which may be empty.
    fn text(&mut self, name: &'static str) -> Option<&'a str> {
        let variable = variable(name);
        match self.vars.get(name) {
            Some(Value::Text(text)) => Some(text.as_str()),
            Some(Value::NotUtf8) => self.note(name, "is not valid UTF-8"),
            None if variable.required => self.note(name, "is required"),
            None => Some(variable.default),
        }
    }
}

fn variable(name: &str) -> &'static Variable {
    let known = VARIABLES.iter().find(|variable| variable.name == name);
    known.expect("only variables of the table are read")
}

/// Quotes and escapes the value, and cuts it short if it is long or holds a credential.
pub(super) fn shown(value: &str) -> String {
    let short = cut(value);
    let value = short.as_deref().unwrap_or(value);
    match value.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}...", &value[..end]),
        None => format!("{value:?}"),
    }
}
