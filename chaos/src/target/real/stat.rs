//! The kernel's own line about a process.

/// What is read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// As `ps` shows it: `T` for a stopped process, `Z` for one that has ended.
    pub state: char,
    /// When it started, in ticks since the machine did: a later process with the same id is
    /// another.
    pub started: u64,
}

impl Stat {
    /// That of a process, if there is one with this id.
    #[must_use]
    pub fn of(id: u32) -> Option<Self> {
        Self::read(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    fn read(line: &str) -> Option<Self> {
        // The name before may contain anything, blanks and brackets too.
        let (_, rest) = line.rsplit_once(')')?;
        let mut words = rest.split_ascii_whitespace();
        let state = words.next()?.chars().next()?;
        let started = words.nth(18)?.parse().ok()?;
        Some(Self { state, started })
    }

    /// Whether it can still do something.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_line_when_it_is_read_then_a_name_with_brackets_does_not_matter() {
        let line = "42 (a) b (c) T 1 42 42 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 4 0 987654 1 2 3\n";
        let read = Stat {
            state: 'T',
            started: 987_654,
        };
        assert_eq!(Stat::read(line), Some(read));
        assert_eq!(Stat::read("42 (a"), None);
    }

    #[test]
    fn given_a_process_when_it_has_ended_then_it_is_not_alive() {
        let this = Stat::of(std::process::id()).expect("it runs");
        assert!(this.is_alive());
        let mut child = std::process::Command::new("true").spawn().expect("it runs");
        while Stat::of(child.id()).is_some_and(|child| child.is_alive()) {
            std::thread::yield_now();
        }
        child.wait().expect("ended");
        assert_eq!(Stat::of(child.id()), None);
    }
}
