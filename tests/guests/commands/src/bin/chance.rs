//! Sleeps for as many seconds as it is told, and prints all that could differ between two runs: times, random numbers, NaN,
//! the order of a hash map, and what files say besides their content.
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, PathFlags};
use wasip2::random::{insecure, insecure_seed, random};

fn main() {
    let seconds: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let wall = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap();
    println!("wall {:?}", wall(SystemTime::now()));
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(seconds));
    println!("slept {:?}", start.elapsed());
    println!("random {:?}", random::get_random_bytes(8));
    println!("random {:?}", random::get_random_u64());
    println!("insecure {:?}", insecure::get_insecure_random_bytes(8));
    println!("seed {:?}", insecure_seed::insecure_seed());
    let (zero, other) = (black_box(0.0f64), black_box(0.0f64));
    println!(
        "nan {:x} {:x}",
        (zero / other).to_bits(),
        black_box(-1.0f64).sqrt().to_bits()
    );
    println!(
        "map {:?}",
        (0..20).map(|n| (n, n)).collect::<HashMap<_, _>>().keys()
    );
    for (directory, name) in get_directories() {
        println!("in {name}");
        list(&directory);
    }
}

fn list(directory: &Descriptor) {
    println!("{:?}", directory.stat().unwrap());
    let entries = directory.read_directory().unwrap();
    while let Some(entry) = entries.read_directory_entry().unwrap() {
        let flags = PathFlags::empty();
        println!(
            "{} {:?} {:?}",
            entry.name,
            directory.stat_at(flags, &entry.name).unwrap(),
            directory.metadata_hash_at(flags, &entry.name).unwrap()
        );
    }
}
