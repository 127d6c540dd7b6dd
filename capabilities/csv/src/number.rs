//! Decimal numbers in cells, exactly.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

/// The most characters of a number.
const MOST_CHARACTERS: usize = 100;
/// The largest exponent, and the smallest below zero.
const MOST_EXPONENT: i64 = 100;
/// How many places a mean has after the point.
const MEAN_PLACES: i64 = 15;

/// Reads a number; `None` if it is none, or over its bounds.
pub(crate) fn read(text: &str) -> Option<BigDecimal> {
    if text.len() > MOST_CHARACTERS {
        return None;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, whole(exponent)?),
        None => (text, 0),
    };
    if !(-MOST_EXPONENT..=MOST_EXPONENT).contains(&exponent) {
        return None;
    }
    let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (before, after) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [before, after].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: BigInt = digits.parse().ok()?;
    let number = if mantissa.starts_with('-') {
        -number
    } else {
        number
    };
    let places = i64::try_from(after.len()).ok()?;
    Some(BigDecimal::new(number, places.saturating_sub(exponent)))
}

/// An exponent: digits with an optional sign.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Writes a number without an exponent, and without zeros at the end of a fraction.
pub(crate) fn write(number: &BigDecimal) -> String {
    number.normalized().to_plain_string()
}

/// The sum divided by a number of values, rounded half to even.
pub(crate) fn mean(sum: &BigDecimal, values: u64) -> BigDecimal {
    // Whole numbers from here on: a quotient that is rounded twice may be wrong in its last place.
    let (digits, places) = sum
        .with_scale(sum.fractional_digit_count().max(0))
        .into_bigint_and_exponent();
    let ten = BigInt::from(10);
    let power = |exponent: i64| ten.pow(u32::try_from(exponent).unwrap_or(0));
    let dividend = digits * power(MEAN_PLACES);
    let divisor = BigInt::from(values.max(1)) * power(places);
    let negative = dividend < BigInt::ZERO;
    let dividend = if negative { -dividend } else { dividend };
    let mut quotient = &dividend / &divisor;
    let twice = (&dividend % &divisor) * 2;
    let odd = &quotient % 2 == BigInt::from(1);
    if twice > divisor || (twice == divisor && odd) {
        quotient += 1;
    }
    BigDecimal::new(if negative { -quotient } else { quotient }, MEAN_PLACES)
}

#[cfg(test)]
mod tests {
    use super::{mean, read, write};

    fn shown(text: &str) -> Option<String> {
        read(text).map(|number| write(&number))
    }

    #[test]
    fn numbers_are_read_exactly() {
        for (text, number) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("+1", "1"),
            ("007", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("-25E-1", "-2.5"),
            (
                "340282366920938463463374607431768211456",
                "340282366920938463463374607431768211456",
            ),
        ] {
            assert_eq!(shown(text).as_deref(), Some(number), "{text}");
        }
        let long = "9".repeat(100);
        assert_eq!(shown(&long), Some(long));
        assert!(shown("1e100").is_some() && shown("1e-100").is_some());
    }

    #[test]
    fn what_is_no_number_is_none() {
        let long = "9".repeat(101);
        for text in [
            "",
            " 1",
            "1 ",
            "1,000",
            "1_000",
            "0x1",
            "1e",
            "1e+",
            "e1",
            "-",
            ".",
            "+-1",
            "1e101",
            "1e-101",
            "1e99999999999999999999",
            "NaN",
            "inf",
            "١",
            "1.2.3",
            &long,
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn means_are_rounded_half_to_even() {
        for (sum, values, wanted) in [
            ("10", 4, "2.5"),
            ("1", 3, "0.333333333333333"),
            ("2", 3, "0.666666666666667"),
            ("-2", 3, "-0.666666666666667"),
            ("1e-15", 2, "0"),
            ("3e-15", 2, "0.000000000000002"),
            ("-3e-15", 2, "-0.000000000000002"),
            ("1e30", 8, "125000000000000000000000000000"),
        ] {
            assert_eq!(
                write(&mean(&read(sum).unwrap(), values)),
                wanted,
                "{sum} / {values}"
            );
        }
    }
}
