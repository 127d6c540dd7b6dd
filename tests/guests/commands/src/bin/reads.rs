//! Opens a file once and reads it three times. (behaviours, row 10)
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

fn main() {
    let directories = get_directories();
    let (root, _) = &directories[0];
    let file = root
        .open_at(
            PathFlags::empty(),
            "file",
            OpenFlags::empty(),
            DescriptorFlags::READ,
        )
        .unwrap();
    for _ in 0..3 {
        file.read(16, 0).unwrap();
    }
}
