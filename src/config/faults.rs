//! The faults of a configuration.

use std::fmt;

/// A fault of one variable. It never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableFault {
    /// The variable.
    pub variable: &'static str,
    /// The problem, and the accepted form.
    pub problem: String,
}

impl fmt::Display for VariableFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.problem)
    }
}

/// All faults of a configuration, one per line, in the order of their finding; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub(super) Vec<VariableFault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
