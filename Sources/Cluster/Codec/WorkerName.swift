/// By what a worker may be called: the name is part of its routing id, before a `#`.
package enum WorkerName {
    /// For messages, after "a worker's name has".
    package static let rule = "1 to 100 printable ASCII characters other than # and the space"

    package static func isValid(_ name: String) -> Bool {
        let letters = name.utf8
        return (1...100).contains(letters.count)
            && letters.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }
    }
}
