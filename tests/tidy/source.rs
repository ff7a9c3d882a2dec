//! A source file, and the same with comments and literals blanked out, so that what is looked for is found in
//! code alone.

use std::path::Path;

pub(crate) struct Source {
    /// Relative to the project, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments, strings and characters turned to spaces; line ends and lengths are kept.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), code: blanked(text) }
    }

    pub(crate) fn read(root: &Path, path: &Path) -> Source {
        let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        Source::new(&relative, &std::fs::read_to_string(path).unwrap())
    }

    /// The line, from 1, of a byte position.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// A finding, clickable.
    pub(crate) fn finding(&self, at: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, self.line(at))
    }

    /// Whether the byte position lies in test code: a test file, or a module behind `#[cfg(test)]`.
    pub(crate) fn is_test(&self, at: usize) -> bool {
        let name = self.path.rsplit('/').next().unwrap();
        let test_file = self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || name == "tests.rs"
            || name.ends_with("_tests.rs");
        test_file || self.test_modules().iter().any(|(start, end)| (*start..*end).contains(&at))
    }

    fn test_modules(&self) -> Vec<(usize, usize)> {
        let mut modules = Vec::new();
        for (start, _) in self.code.match_indices("#[cfg(test)]") {
            let rest = &self.code[start..];
            let Some(open) = rest.find(['{', ';']).filter(|open| rest.as_bytes()[*open] == b'{') else {
                continue;
            };
            if rest[..open].split_whitespace().any(|word| word == "mod") {
                modules.push((start, matching_brace(&self.code, start + open)));
            }
        }
        modules
    }

    /// Where `word` stands in the code, not as a part of a longer name.
    pub(crate) fn words(&self, word: &str) -> Vec<usize> {
        let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let matches = self.code.match_indices(word).map(|(at, _)| at);
        matches
            .filter(|at| {
                let open = word.ends_with(|c: char| !c.is_alphanumeric());
                !is_name(self.code[..*at].chars().next_back())
                    && (open || !is_name(self.code[at + word.len()..].chars().next()))
            })
            .collect()
    }
}

/// The position behind the brace that closes the one at `open`.
pub(crate) fn matching_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Blanks comments and literals.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(text, at);
        if end > at {
            for byte in &mut code[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = end;
        } else {
            at += 1;
        }
    }
    String::from_utf8(code).unwrap()
}

/// The end of the comment or literal that begins at `at`; `at` itself if none does.
fn literal_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end);
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    let in_name = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest[0] == b'"' {
        return string_end(bytes, at + 1);
    }
    if rest[0] == b'r' && (!in_name || bytes[at - 1] == b'b') {
        let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = at + hashes + 2;
            let found = rest[hashes + 2..].windows(close.len()).position(|window| window == close.as_bytes());
            return found.map_or(bytes.len(), |found| body + found + close.len());
        }
    }
    if rest[0] == b'\'' {
        return char_end(text, at);
    }
    at
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A character literal has its closing quote behind one character or an escape; a lifetime has none.
fn char_end(text: &str, at: usize) -> usize {
    let mut chars = text[at + 1..].char_indices();
    match chars.next() {
        Some((_, '\\')) => text[at + 3..].find('\'').map_or(at, |end| at + 3 + end + 1),
        Some((_, c)) if text[at + 1 + c.len_utf8()..].starts_with('\'') => at + 2 + c.len_utf8(),
        _ => at,
    }
}
