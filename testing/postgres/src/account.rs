use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    process::Command,
};

/// An account other than root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

/// Both programs refuse to run as root. Debian's package creates the first account.
const NAMES: [&str; 2] = ["postgres", "nobody"];

impl Account {
    /// Returns the account for programs that refuse to run as root; `None` if this process does not run as
    /// root.
    ///
    /// # Panics
    /// If root has none of the accounts.
    pub(crate) fn instead_of_root() -> Option<Self> {
        // The owner of a process's directory is its effective user.
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        is_root.then(|| {
            let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
            Self::find(&accounts)
                .unwrap_or_else(|| panic!("PostgreSQL refuses to run as root; need {NAMES:?}"))
        })
    }

    /// Makes a command run under this account.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    fn find(accounts: &str) -> Option<Self> {
        let named = |name: &str| {
            accounts.lines().find_map(|line| {
                let mut fields = line.split(':');
                let is_it = fields.next() == Some(name);
                let (user, group) = (fields.nth(1)?, fields.next()?);
                let account = Self {
                    user: user.parse().ok()?,
                    group: group.parse().ok()?,
                };
                is_it.then_some(account)
            })
        };
        NAMES.into_iter().find_map(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/nonexistent:/bin/false\n";

    #[test]
    fn the_account_of_postgres_is_preferred() {
        let both = format!("{NOBODY}postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n");
        let postgres = Account {
            user: 101,
            group: 104,
        };
        assert_eq!(Account::find(&both), Some(postgres));
        let nobody = Account {
            user: 65534,
            group: 65533,
        };
        assert_eq!(Account::find(NOBODY), Some(nobody));
        assert_eq!(Account::find("root:x:0:0::/root:/bin/sh\nbroken\n"), None);
    }
}
