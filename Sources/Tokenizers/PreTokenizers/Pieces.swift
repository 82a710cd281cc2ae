/// A text on its way through the pre-tokenizers: its UTF-8 bytes and the pieces cut from them so far.
struct Pieces {
    var bytes: [UInt8]
    /// Ascending, not empty, not overlapping; what no range covers has been removed.
    var ranges: [Range<Int>]
    /// Whether the first byte is the first of the whole input; some pre-tokenizers treat that place in a special way.
    let startsInput: Bool

    init(_ bytes: [UInt8], startsInput: Bool) {
        self.bytes = bytes
        self.ranges = bytes.isEmpty ? [] : [0..<bytes.count]
        self.startsInput = startsInput
    }

    func isInputStart(_ range: Range<Int>) -> Bool { startsInput && range.lowerBound == 0 }
}

/// What becomes of the delimiters when a text is split.
enum SplitBehavior: String {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
}

extension Pieces {
    /// Splits each piece at the matches of a pattern.
    /// - Parameter invert: the stretches between the matches are the delimiters.
    mutating func split(_ pattern: Pattern, _ behavior: SplitBehavior, invert: Bool) {
        var result: [Range<Int>] = []
        result.reserveCapacity(ranges.count * 4)
        bytes.withUnsafeBufferPointer { buffer in
            for range in ranges {
                var cutter = Cutter(behavior: behavior, first: result.count)
                var previous = range.lowerBound
                pattern.forEachMatch(in: buffer, range: range) { match in
                    if previous != match.lowerBound {
                        cutter.add(previous..<match.lowerBound, isDelimiter: invert, to: &result)
                    }
                    cutter.add(match, isDelimiter: !invert, to: &result)
                    previous = match.upperBound
                }
                if previous != range.upperBound {
                    cutter.add(previous..<range.upperBound, isDelimiter: invert, to: &result)
                }
            }
        }
        result.removeAll { $0.isEmpty }
        ranges = result
    }

    /// Joins delimiters with their neighbours while the pieces of one range come in from left to right.
    private struct Cutter {
        let behavior: SplitBehavior
        /// Where the pieces of this range start in the result.
        let first: Int
        var previousIsDelimiter = false

        @inline(__always)
        mutating func add(_ range: Range<Int>, isDelimiter: Bool, to result: inout [Range<Int>]) {
            let canJoin = result.count > first
            switch behavior {
            case .isolated: result.append(range)
            case .removed: if !isDelimiter { result.append(range) }
            case .contiguous: join(isDelimiter == previousIsDelimiter && canJoin, range, &result)
            case .mergedWithPrevious: join(isDelimiter && !previousIsDelimiter && canJoin, range, &result)
            case .mergedWithNext:
                // A delimiter joins what follows it, unless that is a delimiter too.
                join(!isDelimiter && previousIsDelimiter && canJoin, range, &result)
            }
            previousIsDelimiter = isDelimiter
        }

        @inline(__always)
        private func join(_ condition: Bool, _ range: Range<Int>, _ result: inout [Range<Int>]) {
            if condition {
                result[result.count - 1] = result[result.count - 1].lowerBound..<range.upperBound
            } else {
                result.append(range)
            }
        }
    }
}
