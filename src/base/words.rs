/// A number with its noun: `1 record`, `3 records`.
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(0_u64, "record"), "0 records");
        assert_eq!(counted(1_usize, "record"), "1 record");
        assert_eq!(counted(2_u32, "more problem"), "2 more problems");
    }
}
