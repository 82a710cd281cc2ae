import Foundation

/// The end of what a process printed, kept where a full disk cannot lose it.
struct LastWords: Sendable {
    private static let kept = 16_384
    private var data = Data()

    mutating func add(_ part: Data) { data = Data((data + part).suffix(Self.kept)) }

    /// The last lines that say what went wrong, for the message of the run.
    func telling(lines count: Int = 3) -> String {
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        let own = lines.filter { $0.hasPrefix("skein: ") }
        // Whoever quotes it says `skein: ` already.
        if let last = own.last { return String(last.dropFirst(7)) }
        let telling = lines.filter { $0.contains(" error ") || $0.contains(" critical ") }
        return (telling.isEmpty ? lines : telling).suffix(count).joined(separator: "\n")
    }
}
