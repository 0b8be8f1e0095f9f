//! The tokens of a PowerShell script, as far as the collect script may use the language.
//! What is not understood is an error: this is for one script, not for all.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A command, an argument, a keyword, an operator with a name (`-eq`), a number, a type.
    Word,
    /// Without the `$`.
    Variable,
    /// What single quotation marks hold.
    Text,
    /// What double ones hold: variables in it are expanded.
    Expandable,
    /// `.Name` or `::Name` behind a value.
    Member,
    /// `(`, `{`, `[`, with what stands before it: `@(`, `$(`, `@{`.
    Open,
    Close,
    /// Everything else: `=`, `|`, `&`, `2>&1`.
    Mark,
    /// The end of a line.
    Line,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
}

impl Token {
    pub(super) fn is(&self, kind: Kind, text: &str) -> bool {
        self.kind == kind && self.text.eq_ignore_ascii_case(text)
    }
}

/// The tokens without the comments.
///
/// # Errors
/// A line, and what is wrong in it.
pub(super) fn tokens(script: &str) -> Result<Vec<Token>, String> {
    for (at, line) in script.lines().enumerate() {
        if !line.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            return Err(format!("{}: a character that is no plain ASCII", at + 1));
        }
    }
    let mut lexer = Lexer { rest: script, line: 1, joined: false, found: Vec::new() };
    while !lexer.rest.is_empty() {
        lexer.step()?;
    }
    balanced(&lexer.found)?;
    Ok(lexer.found)
}

fn balanced(tokens: &[Token]) -> Result<(), String> {
    let mut open: Vec<&Token> = Vec::new();
    for token in tokens {
        match token.kind {
            Kind::Open => open.push(token),
            Kind::Close => {
                let before = open.pop().map_or("nothing", |open| &open.text);
                let fits = matches!(
                    (before.chars().last(), &*token.text),
                    (Some('('), ")") | (Some('{'), "}") | (Some('['), "]")
                );
                if !fits {
                    return Err(format!("{}: {} closes {before}", token.line, token.text));
                }
            }
            _ => {}
        }
    }
    match open.pop() {
        Some(token) => Err(format!("{}: {} is never closed", token.line, token.text)),
        None => Ok(()),
    }
}

struct Lexer<'s> {
    rest: &'s str,
    line: usize,
    /// Nothing stands between this and the token before.
    joined: bool,
    found: Vec<Token>,
}

impl<'s> Lexer<'s> {
    fn error(&self, what: &str) -> String {
        format!("{}: {what}", self.line)
    }

    /// Takes so many bytes; the line goes on with those in it.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn push(&mut self, kind: Kind, bytes: usize) {
        let line = self.line;
        let text = self.take(bytes).to_owned();
        self.found.push(Token { kind, text, line });
        self.joined = true;
    }

    /// How many bytes at the beginning are such.
    fn run(&self, is: impl Fn(char) -> bool) -> usize {
        self.rest.find(|c| !is(c)).unwrap_or(self.rest.len())
    }

    fn step(&mut self) -> Result<(), String> {
        let first = self.rest.chars().next().unwrap();
        let behind_value = self.joined
            && self.found.last().is_some_and(|token| {
                matches!(token.kind, Kind::Variable | Kind::Close | Kind::Member | Kind::Text)
            });
        let starts = |text: &str| self.rest.starts_with(text);
        match first {
            ' ' => self.space(1),
            '\n' => {
                self.push(Kind::Line, 1);
                self.joined = false;
            }
            '<' if starts("<#") => {
                let end =
                    self.rest.find("#>").ok_or_else(|| self.error("a comment without end"))?;
                self.space(end + 2);
            }
            '#' => self.space(self.run(|c| c != '\n')),
            '`' => return Err(self.error("a backtick, which hides ends of lines")),
            '\'' | '"' => self.text(first)?,
            '@' if starts("@'\n") || starts("@\"\n") => self.here_text()?,
            '@' if starts("@(") || starts("@{") => self.push(Kind::Open, 2),
            '$' if starts("$(") => self.push(Kind::Open, 2),
            '$' => self.variable()?,
            '(' | '{' | '[' => self.push(Kind::Open, 1),
            ')' | '}' | ']' => self.push(Kind::Close, 1),
            '2' if starts("2>&1") => self.push(Kind::Mark, 4),
            '.' if starts("..") => self.push(Kind::Mark, 2),
            '.' if behind_value => self.member(1),
            ':' if behind_value && starts("::") => self.member(2),
            '+' | '-' | '=' | '!' | '|' | '&' | ',' | ';' | '<' | '>' | '%' | '*' | '.' | '@'
            | '?'
                if !self.rest.get(1..2).is_some_and(|next| is_dashed(first, next)) =>
            {
                self.push(Kind::Mark, self.run(|c| c == first || c == '=').clamp(1, 2));
            }
            _ => self.push(
                Kind::Word,
                self.run(|c| !c.is_whitespace() && !"(){}[];|,'\"$=&".contains(c)).max(1),
            ),
        }
        Ok(())
    }

    fn space(&mut self, bytes: usize) {
        self.take(bytes);
        self.joined = false;
    }

    /// A text in quotation marks; two of them stand for one.
    fn text(&mut self, mark: char) -> Result<(), String> {
        let kind = if mark == '\'' { Kind::Text } else { Kind::Expandable };
        let mut at = 1;
        loop {
            let rest = self.rest.get(at..).unwrap_or_default();
            let end = rest.find(mark).ok_or_else(|| self.error("a text without end"))?;
            at += end + 1;
            if !self.rest.get(at..).is_some_and(|rest| rest.starts_with(mark)) {
                break;
            }
            at += 1;
        }
        self.quoted(kind, at, 1);
        Ok(())
    }

    /// `@'`, a text of whole lines, and `'@` at the beginning of one.
    fn here_text(&mut self) -> Result<(), String> {
        let (kind, end) = if self.rest.starts_with("@'") {
            (Kind::Text, "\n'@")
        } else {
            (Kind::Expandable, "\n\"@")
        };
        let at = self.rest.find(end).ok_or_else(|| self.error("a text without end"))?;
        self.quoted(kind, at + end.len(), 2);
        Ok(())
    }

    /// A token of so many bytes, of which the marks are no part.
    fn quoted(&mut self, kind: Kind, bytes: usize, marks: usize) {
        self.push(kind, bytes);
        let token = self.found.last_mut().unwrap();
        token.text = token.text[marks..token.text.len() - marks].replace("''", "'");
    }

    fn variable(&mut self) -> Result<(), String> {
        self.take(1);
        let name = self.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if name == 0 {
            return Err(self.error("a variable without a plain name"));
        }
        self.push(Kind::Variable, name);
        Ok(())
    }

    /// A member of a value: its name, or nothing where a variable has it.
    fn member(&mut self, marks: usize) {
        self.take(marks);
        let name = self.run(|c| c.is_ascii_alphanumeric());
        self.push(Kind::Member, name);
    }
}

/// `-eq`, `--capture`, `*_x`: a word, though it begins with a mark.
fn is_dashed(first: char, next: &str) -> bool {
    first == '-' && next.starts_with(|c: char| c.is_ascii_alphabetic() || c == '-')
}
