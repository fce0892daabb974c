//! Compiles the C of the build, two folders above this crate, into the crate.

fn main() {
    let build = std::path::Path::new("../..");
    let sources = [
        "@source@",
    ];
    let mut compiler = cc::Build::new();
    compiler.include(build).opt_level(3).warnings(false);
    // Integers and float code have the same bits on every core only so.
    compiler.flag("-std=c99").flag("-ffp-contract=off").flag("-fno-trapping-math");
    for name in sources {
        let path = build.join(name);
        println!("cargo:rerun-if-changed={}", path.display());
        compiler.file(path);
    }
    compiler.compile("@name@");
}
