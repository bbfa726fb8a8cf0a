//! The form for a URL to explain, and the explanation.

use crate::http::status::markup::Markup;
use crate::target::percent;

/// The explanation of a URL.
pub(in crate::http::status) struct Explained {
    /// The URL, as typed into the form.
    pub(in crate::http::status) url: String,
    /// The sentences about the document, or the rule that the URL breaks.
    pub(in crate::http::status) sentences: Result<Vec<String>, String>,
}

pub(super) fn section(page: &mut Markup, explained: Option<&Explained>) {
    page.raw("<section class=\"card\" aria-labelledby=\"explain\">")
        .raw("<h2 id=\"explain\">Explain a URL</h2>\n<form method=\"get\">")
        .raw("<label for=\"url\">URL of a document at GitHub, or its path</label><div class=\"row\">")
        .raw("<input id=\"url\" name=\"explain\" type=\"text\" inputmode=\"url\" required maxlength=\"2048\" ")
        .raw("autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" placeholder=\"")
        .raw("https://api.github.com/repos/cli/cli/releases/latest\" value=\"")
        .text(explained.map_or("", |explained| &explained.url))
        .raw("\"><button>Explain</button></div></form>\n");
    if let Some(Explained { url, sentences }) = explained {
        page.raw("<div class=\"answer\" id=\"answer\"><h3>").text(url).raw("</h3>");
        match sentences {
            Ok(sentences) => list(page, url, sentences),
            Err(rule) => drop(page.raw("<p>svm refuses this URL: ").text(rule).raw(".</p>")),
        }
        page.raw("</div>\n");
    }
    page.raw("</section>\n");
}

fn list(page: &mut Markup, url: &str, sentences: &[String]) {
    page.raw("<ul>");
    for sentence in sentences {
        page.raw("<li>").text(sentence).raw("</li>");
    }
    page.raw("</ul><p><a href=\"explain?url=")
        .text(percent::encode(url))
        .raw("\">All of it as JSON</a></p>");
}
