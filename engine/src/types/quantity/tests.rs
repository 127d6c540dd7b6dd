use super::*;

#[test]
fn sizes_read_and_print_with_binary_units() {
    for (text, bytes, printed) in [
        ("0", 0, "0B"),
        ("1000", 1000, "1000B"),
        ("64KiB", 65_536, "64KiB"),
        ("16MiB", 16 << 20, "16MiB"),
        ("2GiB", 2 << 30, "2GiB"),
        ("1536KiB", 1536 << 10, "1536KiB"),
        ("1_048_576", 1 << 20, "1MiB"),
    ] {
        let size: Bytes = text.parse().unwrap();
        assert_eq!(size.get(), bytes, "{text}");
        assert_eq!(size.to_string(), printed, "{text}");
    }
}

#[test]
fn a_malformed_quantity_is_refused_with_its_text_and_an_example() {
    for text in [
        "",
        "MiB",
        "64MB",
        "-1",
        "1.5GiB",
        "18446744073709551616",
        "99999999999GiB",
        "_1",
    ] {
        let error = text.parse::<Bytes>().unwrap_err().to_string();
        assert!(
            error.contains(&format!("`{text}`")) && error.contains("64MiB"),
            "{error}"
        );
    }
    for text in ["", "5", "5 s", "1.5s", "ms", "18446744073709551615h"] {
        let error = text.parse::<WallTime>().unwrap_err().to_string();
        assert!(error.contains("500ms"), "{error}");
    }
    for text in ["", "many", "1e9", "10k", "Unlimited"] {
        let error = text.parse::<Fuel>().unwrap_err().to_string();
        assert!(error.contains("unlimited"), "{error}");
    }
}

#[test]
fn durations_read_and_print() {
    for (text, millis, printed) in [
        ("500ms", 500, "500ms"),
        ("2s", 2_000, "2s"),
        ("5m", 300_000, "300s"),
        ("1h", 3_600_000, "3600s"),
    ] {
        let time: WallTime = text.parse().unwrap();
        assert_eq!(time.get().as_millis(), millis);
        assert_eq!(time.to_string(), printed);
    }
}

#[test]
fn unlimited_fuel_is_a_word_in_every_form() {
    assert_eq!("unlimited".parse::<Fuel>().unwrap(), Fuel::UNLIMITED);
    assert_eq!(Fuel::UNLIMITED.to_string(), "unlimited");
    assert_eq!(
        serde_json::to_string(&Fuel::UNLIMITED).unwrap(),
        r#""unlimited""#
    );
    assert_eq!(serde_json::to_string(&Fuel::new(7)).unwrap(), "7");
}
