//! The id of a request, which identifies its log lines.

use std::fmt;

use http::HeaderValue;

use crate::hex;

/// The number of hexadecimal digits of an id that svm makes.
const DIGITS: usize = 16;

/// The id of a request.
#[derive(Clone, Debug)]
pub enum RequestId {
    /// One of svm's, shown as 16 hexadecimal digits.
    Own(u64),
    /// The id that a trusted proxy gave, which needs no escape in a log.
    Given(Box<HeaderValue>),
}

impl RequestId {
    /// Returns the id as the value of a header.
    pub fn to_header(&self) -> HeaderValue {
        match self {
            Self::Own(number) => HeaderValue::from_bytes(&digits(*number))
                .expect("hexadecimal digits are valid in a header"),
            Self::Given(id) => HeaderValue::clone(id),
        }
    }

    /// Appends the id to a line.
    pub(super) fn append(&self, text: &mut Vec<u8>) {
        match self {
            Self::Own(number) => text.extend_from_slice(&digits(*number)),
            Self::Given(id) => text.extend_from_slice(id.as_bytes()),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(number) => write!(f, "{number:0DIGITS$x}"),
            Self::Given(id) => f.write_str(id.to_str().unwrap_or_default()),
        }
    }
}

fn digits(number: u64) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (place, digit) in digits.iter_mut().zip(hex::each(&number.to_be_bytes())) {
        *place = digit;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_the_same_everywhere(number in any::<u64>()) {
            let id = RequestId::Own(number);
            let mut line = Vec::new();
            id.append(&mut line);
            let (header, shown) = (id.to_header(), format!("{id}"));
            prop_assert_eq!(header.as_bytes(), &line[..]);
            prop_assert_eq!(shown.as_bytes(), &line[..]);
            prop_assert_eq!(u64::from_str_radix(&shown, 16), Ok(number));
        }
    }
}
