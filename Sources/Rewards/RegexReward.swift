import Foundation
import RunConfiguration

/// One score when a regular expression in Python's syntax is found anywhere in the answer, another when it is not. An answer
/// on which the search would take too long has no reward.
package struct RegexReward: RewardFunction {
    package let name: String
    private let search: BoundedSearch
    private let matchScore: Double
    private let missScore: Double

    package init(name: String, pattern: String, matchScore: Double, missScore: Double) throws {
        self.name = name
        self.matchScore = matchScore
        self.missScore = missScore
        do {
            search = try BoundedSearch(pattern)
        } catch {
            throw RewardError("reward \(name): '\(pattern)' is no regular expression: \(error)", isPermanent: true)
        }
    }

    package func score(_ inputs: [RewardInput]) -> [Float?] {
        inputs.map { input in search.isFound(in: input.response).map { Float($0 ? matchScore : missScore) } }
    }

    package func score(_ inputs: [RewardInput], context: RewardContext) -> [Float?] {
        inputs.enumerated().map { index, input in
            // A few slow answers must not cost the lease.
            _ = context.progress()
            guard let isFound = search.isFound(in: input.response) else {
                context.note("reward \(name): the search in answer \(index) needs too many steps")
                return nil
            }
            return Float(isFound ? matchScore : missScore)
        }
    }
}

/// A search that gives up after a number of steps, the same on every machine: some patterns take a time that grows
/// exponentially with the text.
struct BoundedSearch: Sendable {
    /// Calls of ICU's on the way, one for 10,000 steps; these take about a second.
    private static let callsAllowed = 2000

    private let expression: NSRegularExpression

    /// - Parameter pattern: in the syntax of Python's `re`.
    init(_ pattern: String) throws {
        let icu = try PythonPattern(pattern).icu
        let flags = icu.hasPrefix("(?i)") ? "(?i)" : ""
        // Anchored, with the text before the match as a part of the pattern: a search proper would call at every place
        // that it starts from, so that calls would not count steps.
        expression = try NSRegularExpression(
            pattern: "\(flags)[\\x{0}-\\x{10FFFF}]*?(?:\(icu.dropFirst(flags.count)))")
    }

    /// nil when it gave up.
    func isFound(in text: String) -> Bool? {
        var found: Bool? = false
        var calls = 0
        let range = NSRange(text.startIndex..., in: text)
        expression.enumerateMatches(in: text, options: [.reportProgress, .reportCompletion, .anchored], range: range) {
            result, flags, stop in
            if result != nil {
                found = true
                stop.pointee = true
            } else if flags.contains(.internalError) {
                // The engine ran out of the memory that it allows itself.
                if found == false { found = nil }
            } else if flags.contains(.progress) {
                calls += 1
                guard calls >= Self.callsAllowed else { return }
                found = nil
                stop.pointee = true
            }
        }
        return found
    }
}
