//! Names of fields, shared by all chunks that a thread reads: every chunk has the same
//! ones, and each record that is kept keeps them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

/// Names that are remembered, and bytes of each, at most: logs may be hostile.
const MAX_NAMES: usize = 4096;
const MAX_LENGTH: usize = 256;

thread_local! {
    static NAMES: RefCell<HashSet<Arc<str>>> = RefCell::default();
}

/// The name, the same for all who ask on this thread.
pub(super) fn shared(name: &str) -> Arc<str> {
    NAMES.with_borrow_mut(|names| {
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        if names.len() < MAX_NAMES && name.len() <= MAX_LENGTH {
            names.insert(Arc::clone(&new));
        }
        new
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_there_once_and_not_too_many_are() {
        assert!(Arc::ptr_eq(&shared("Status"), &shared("Status")));
        for number in 0..2 * MAX_NAMES {
            assert_eq!(*shared(&format!("n{number}")), *format!("n{number}"));
        }
        assert!(NAMES.with_borrow(HashSet::len) <= MAX_NAMES);
        assert!(!Arc::ptr_eq(&shared("not one more"), &shared("not one more")));
        assert!(Arc::ptr_eq(&shared("Status"), &shared("Status")));
    }
}
