//! Text that stands in HTML as what it is.

use std::fmt;

/// Writes a text so that no part of it is taken for markup, in content and in
/// quoted attributes. Control characters, which XML forbids, become U+FFFD.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_str(" ")?,
                letter if letter.is_control() => f.write_str("\u{fffd}")?,
                '\u{fffe}' | '\u{ffff}' => f.write_str("\u{fffd}")?,
                letter => fmt::Write::write_char(f, letter)?,
            }
        }
        Ok(())
    }
}

/// At most so many characters of a text; what is left out is marked.
pub(super) fn shortened(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(letters_max.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::{Escaped, shortened};

    #[test]
    fn markup_becomes_text() {
        let text = Escaped("<a href=\"x\" b='y'>&\u{1}\u{7f}é\n").to_string();
        assert_eq!(text, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\u{fffd}\u{fffd}é ");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüßx", 4), "äöü…");
    }
}
