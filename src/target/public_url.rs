//! The address at which clients reach svm, as the operator states it.

use std::str::FromStr;

use url::Url;

use super::policy::Malformed;

/// An http or https URL without a query and without a final slash: `https://svm.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Returns the URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its host, with the port if it has one: `svm.example`.
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split_once('/').map_or(rest, |(authority, _)| authority)
    }
}

impl FromStr for PublicUrl {
    type Err = Malformed;

    /// Refuses text that the `url` crate would repair: svm makes links from the unchanged text.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = text.trim_matches([' ', '\t']);
        let text = text.strip_suffix('/').unwrap_or(text);
        let url = Url::parse(text).map_err(|_| Malformed)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_login = !url.username().is_empty() || url.password().is_some();
        let is_bare = url.query().is_none() && url.fragment().is_none() && !has_login;
        let is_same = url.as_str().strip_suffix('/').unwrap_or(url.as_str()) == text;
        if is_web && is_bare && is_same { Ok(Self(text.to_owned())) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::PublicUrl;

    #[test]
    fn addresses_are_read_as_they_are() {
        for (text, want) in [
            ("https://svm.example", Some("https://svm.example")),
            ("http://svm:8000/", Some("http://svm:8000")),
            ("https://svm.example/github", Some("https://svm.example/github")),
            ("http://[::1]:8000", Some("http://[::1]:8000")),
            ("svm.example", None),
            ("ftp://svm.example", None),
            ("https://user:pass@svm.example", None),
            ("https://svm.example?x", None),
            ("https://svm.example#x", None),
            ("https://svm.example/../x", None),
            ("https://SVM.example", None),
            ("https://svm.example:443", None),
            ("https://svm.example/a b", None),
            ("https://", None),
        ] {
            let url = text.parse::<PublicUrl>().ok();
            assert_eq!(url.as_ref().map(PublicUrl::as_str), want, "{text}");
        }
    }

    #[test]
    fn the_authority_is_between_scheme_and_path() {
        for (text, want) in [
            ("https://svm.example", "svm.example"),
            ("http://svm:8000/github/x", "svm:8000"),
            ("http://[::1]:8000/", "[::1]:8000"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().authority(), want);
        }
    }
}
