/// What becomes of another value of a key when a run has already made steps.
package enum KeyChange: Sendable, Equatable {
    /// It changes nothing that is learned, so it holds at once.
    case free
    /// It holds from the next step on; the steps before stay as they were made.
    case nextStep
    /// It says where files are. They may have moved; their contents must be the same, which hashes tell.
    case place
    /// The steps that are made depend on it, so it cannot change any more.
    case fixed

    /// - Parameter key: a path such as `ppo.clip` or `rewards.0.weight`. One that no run file has is fixed.
    init(_ key: String) { self = Self.table[Self.pattern(key)] ?? .fixed }

    /// The key with each index of a list as `*`.
    static func pattern(_ key: String) -> String {
        key.split(separator: ".").map { $0.allSatisfy(\.isNumber) ? "*" : String($0) }.joined(separator: ".")
    }

    /// Of every key of a run file, as its declaration says.
    static let table = Dictionary(
        KeyLister.list(.example).map { (pattern($0.key), $0.change) }, uniquingKeysWith: { first, _ in first })
}
