/// Of this Skein; both executables say it, and workers when they join.
package enum Build {
    package static let version = "0.1.0"
}
