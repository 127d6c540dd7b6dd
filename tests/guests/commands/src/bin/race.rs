//! Opens one path over and over while the host swaps it for a link, and reports what it read. (C5)
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

fn main() {
    let rounds: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    let directories = get_directories();
    let (root, _) = &directories[0];
    let (mut inside, mut escaped, mut refused) = (0, 0, 0);
    for _ in 0..rounds {
        match root
            .open_at(
                PathFlags::SYMLINK_FOLLOW,
                "swapped/file",
                OpenFlags::empty(),
                DescriptorFlags::READ,
            )
            .and_then(|file| file.read(64, 0))
        {
            Ok((bytes, _)) if bytes == b"inside" => inside += 1,
            Ok(_) => escaped += 1,
            Err(_) => refused += 1,
        }
    }
    println!("inside {inside} escaped {escaped} refused {refused}");
}
