use proptest::prelude::*;

use super::*;

fn any_limits() -> impl Strategy<Value = Limits> {
    (any::<u64>(), any::<u64>(), any::<u32>(), any::<u64>()).prop_map(
        |(fuel, memory, wall, output)| Limits {
            fuel: Fuel::new(fuel),
            memory: Bytes::new(memory),
            wall: WallTime::millis(u64::from(wall)),
            output: Bytes::new(output),
        },
    )
}

proptest! {
    #[test]
    fn narrowing_never_raises_a_limit(a in any_limits(), b in any_limits()) {
        let narrow = a.narrowed_by(&b);
        for outer in [a, b] {
            prop_assert!(narrow.fuel <= outer.fuel);
            prop_assert!(narrow.memory <= outer.memory);
            prop_assert!(narrow.wall <= outer.wall);
            prop_assert!(narrow.output <= outer.output);
        }
        prop_assert_eq!(narrow, b.narrowed_by(&a));
    }
}

#[test]
fn limits_that_let_nothing_run_are_refused() {
    let build =
        |change: fn(LimitsBuilder) -> LimitsBuilder| change(Limits::builder()).build().unwrap_err();
    assert_eq!(build(|b| b.fuel(Fuel::new(0))), LimitsError::NoFuel);
    assert_eq!(
        build(|b| b.wall(WallTime::millis(0))).to_string(),
        "a time limit of 0s is outside 1ms to 86400s"
    );
    assert!(matches!(
        build(|b| b.wall(WallTime::secs(86_401))),
        LimitsError::WallTime { .. }
    ));
    assert!(matches!(
        build(|b| b.memory(Bytes::new(65_535))),
        LimitsError::UnderOnePage { .. }
    ));
}
