//! Compares numbers by value, however they are written.

/// A decimal number: its digits without zeros at both ends, and the power of ten of the last one.
#[derive(PartialEq, Eq)]
struct Decimal<'a> {
    negative: bool,
    digits: Vec<u8>,
    exponent: Exponent<'a>,
}

/// A power of ten.
#[derive(PartialEq, Eq)]
enum Exponent<'a> {
    Known(i64),
    /// Too large to calculate with, as it is written.
    Written(&'a str),
}

/// Whether two JSON numbers have the same value: `1`, `1.0` and `10e-1` do.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || decimal(a) == decimal(b)
}

fn decimal(text: &str) -> Decimal<'_> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let leading = digits.trim_start_matches('0');
    let kept = leading.trim_end_matches('0');
    if kept.is_empty() {
        // Zero has no sign and no power.
        return Decimal {
            negative: false,
            digits: Vec::new(),
            exponent: Exponent::Known(0),
        };
    }
    let dropped = leading.len().saturating_sub(kept.len());
    let shift = i64::try_from(dropped)
        .ok()
        .zip(i64::try_from(fraction.len()).ok())
        .map(|(dropped, fraction)| dropped.saturating_sub(fraction));
    let known = exponent
        .parse::<i64>()
        .ok()
        .zip(shift)
        .and_then(|(exponent, shift)| exponent.checked_add(shift));
    Decimal {
        negative,
        digits: kept.into(),
        exponent: known.map_or(Exponent::Written(exponent), Exponent::Known),
    }
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn numbers_are_compared_by_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("1", "10e-1"),
            ("100", "1E+2"),
            ("-0", "0.0e7"),
            ("0.10", "1e-1"),
            ("18446744073709551617", "18446744073709551617.0"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ] {
            assert!(same(a, b) && same(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("18446744073709551616", "18446744073709551617"),
            ("0.1", "0.10000000000000001"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
