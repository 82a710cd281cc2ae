package import Torch

/// Sequences of token ids padded to one width, or several to a line, and which of their tokens are scored.
///
/// Owned by whoever computes with it, on the compute thread. B rows, T = the longest row, N = scored tokens of all rows,
/// in the order row by row. A token at place p is scored from the hidden state at p - 1, so a row's first token never is.
package struct TokenBatch {
    package enum Padding: Sendable { case left, right }

    /// Where sequences lie in the lines, which says what a token may look at: its own sequence up to itself.
    enum Layout: Equatable {
        /// One to a line, from its first place on.
        case plain
        /// Where in [B * T] each starts, and its length.
        case sequences(starts: [Int], lengths: [Int])
    }

    /// The sequences, without padding.
    package let rows: [[Int32]]
    /// For each row the places of its scored tokens, counted without padding: ascending ranges that lie apart.
    package let scored: [[Range<Int>]]
    package let padding: Padding
    /// Whether the model does not see the last token of a row.
    private let omitsLast: Bool
    /// Of each row, where in [B * T] its first token lies.
    private let offsets: [Int]
    /// T
    package let width: Int
    /// [B, T] int64
    package let tokens: Tensor
    /// [1 or B, T] int64
    let positions: Tensor
    let layout: Layout

    /// - Parameter scoredFrom: for each row the place of the first scored token, at least 1; nil = all but the first.
    package init(
        _ rows: [[Int32]], scoredFrom: [Int]? = nil, padding: Padding = .right, device: Device = .cpu
    ) throws {
        try self.init(
            rows, scored: Self.ranges(rows, scoredFrom: scoredFrom), padding: padding, device: device)
    }

    /// The scored places of rows that are scored from one place on.
    private static func ranges(_ rows: [[Int32]], scoredFrom: [Int]?) throws -> [[Range<Int>]] {
        let starts = scoredFrom ?? rows.map { _ in 1 }
        guard starts.count == rows.count else {
            throw LanguageModelError(.argument, "\(rows.count) rows but \(starts.count) places to score from")
        }
        return try zip(rows, starts).enumerated().map { index, pair in
            let (row, start) = pair
            guard !row.isEmpty else { throw LanguageModelError(.argument, "row \(index) of the batch has no tokens") }
            guard start >= 1, start <= row.count else {
                throw LanguageModelError(
                    .argument, "row \(index) of \(row.count) tokens cannot be scored from place \(start)")
            }
            return start < row.count ? [start..<row.count] : []
        }
    }

    /// - Parameter scored: for each row the places of its scored tokens: ascending ranges that lie apart. A first token
    ///   is left out, as nothing predicts it.
    /// - Parameter omitsLast: the model does not see the last token of a row, which is predicted at most: a row may be one
    ///   token longer than the context.
    package init(
        _ rows: [[Int32]], scored: [[Range<Int>]], padding: Padding = .right, omitsLast: Bool = false,
        device: Device = .cpu
    ) throws {
        self.scored = try Self.checked(scored, rows)
        let seen = try Self.seen(rows, omitsLast: omitsLast)
        let width = seen.max() ?? 0
        self.rows = rows
        self.padding = padding
        self.omitsLast = omitsLast
        offsets = rows.indices.map { $0 * width + (padding == .left ? width - seen[$0] : 0) }
        self.width = width
        var padded = [Int64](repeating: 0, count: rows.count * width)
        var places = [Int64](repeating: 0, count: rows.count * width)
        for (index, row) in rows.enumerated() {
            let start = offsets[index]
            for (place, token) in row.prefix(seen[index]).enumerated() {
                padded[start + place] = Int64(token)
                places[start + place] = Int64(place)
            }
        }
        tokens = try Tensor.of(padded, shape: [rows.count, width], device: device)
        if padding == .left, seen.contains(where: { $0 < width }) {
            positions = try Tensor.of(places, shape: [rows.count, width], device: device)
            layout = .sequences(starts: offsets, lengths: seen)
        } else {
            positions = try Tensor.arange(0..<width, device: device).unsqueeze(0)
            layout = .plain
        }
    }

    /// Sequences that share lines: B lines of T places, with as little padding as first-fit leaves.
    ///
    /// A token looks at its own sequence alone, and positions count from its start, so that each sequence gives what it
    /// gives by itself, but for rounding.
    ///
    /// - Parameter longest: places of a line at most; at least the longest row.
    package init(packed rows: [[Int32]], scoredFrom: [Int]? = nil, longest: Int, device: Device = .cpu) throws {
        try self.init(
            packed: rows, scored: Self.ranges(rows, scoredFrom: scoredFrom), longest: longest, device: device)
    }

    /// The same with the scored places of each row.
    package init(
        packed rows: [[Int32]], scored: [[Range<Int>]], longest: Int, omitsLast: Bool = false, device: Device = .cpu
    ) throws {
        self.scored = try Self.checked(scored, rows)
        let seen = try Self.seen(rows, omitsLast: omitsLast)
        let lines = SequencePacking.lines(seen, longest: longest)
        let width = lines.map { $0.reduce(0) { $0 + seen[$1] } }.max() ?? 0
        let places = SequencePacking.places(seen, lines, width: width)
        self.omitsLast = omitsLast
        self.rows = rows
        self.width = width
        padding = .right
        offsets = places.offsets
        var padded = [Int64](repeating: 0, count: lines.count * width)
        for (row, (offset, count)) in zip(rows, zip(places.offsets, seen)) {
            for (place, token) in row.prefix(count).enumerated() { padded[offset + place] = Int64(token) }
        }
        tokens = try Tensor.of(padded, shape: [lines.count, width], device: device)
        positions = try Tensor.of(places.positions, shape: [lines.count, width], device: device)
        layout = .sequences(starts: places.offsets, lengths: seen)
    }

    /// Prompts with their responses; the response tokens are scored.
    package init(
        prompts: [[Int32]], responses: [[Int32]], padding: Padding = .right, device: Device = .cpu
    ) throws {
        guard prompts.count == responses.count else {
            throw LanguageModelError(.argument, "\(prompts.count) prompts but \(responses.count) responses")
        }
        for (index, prompt) in prompts.enumerated() where prompt.isEmpty {
            throw LanguageModelError(.argument, "prompt \(index) of the batch has no tokens")
        }
        try self.init(
            zip(prompts, responses).map { $0 + $1 }, scoredFrom: prompts.map(\.count), padding: padding, device: device)
    }

    /// Tokens of each row that the model sees.
    private static func seen(_ rows: [[Int32]], omitsLast: Bool) throws -> [Int] {
        guard omitsLast else { return rows.map(\.count) }
        for (index, row) in rows.enumerated() where row.count < 2 {
            throw LanguageModelError(.argument, "row \(index) of the batch has no token besides its last")
        }
        return rows.map { $0.count - 1 }
    }

    /// Scored places without a first token; an error when they are not those of the rows, or a row is empty.
    private static func checked(_ scored: [[Range<Int>]], _ rows: [[Int32]]) throws -> [[Range<Int>]] {
        guard !rows.isEmpty else { throw LanguageModelError(.argument, "a batch needs at least one row") }
        for (index, row) in rows.enumerated() where row.isEmpty {
            throw LanguageModelError(.argument, "row \(index) of the batch has no tokens")
        }
        guard scored.count == rows.count else {
            throw LanguageModelError(.argument, "\(rows.count) rows but the scored places of \(scored.count)")
        }
        return try zip(rows, scored).enumerated().map { index, pair in
            var end = 0
            for range in pair.1 {
                guard range.lowerBound >= end, range.upperBound <= pair.0.count else {
                    throw LanguageModelError(
                        .argument, "row \(index) of \(pair.0.count) tokens cannot be scored at \(pair.1)")
                }
                end = range.upperBound
            }
            return pair.1.map { $0.clamped(to: 1..<max(1, pair.0.count)) }.filter { !$0.isEmpty }
        }
    }

    /// N
    package var scoredCount: Int { scoredCounts.reduce(0, +) }
    /// Scored tokens of each row.
    package var scoredCounts: [Int] { scored.map { $0.reduce(0) { $0 + $1.count } } }
    /// Real tokens, padding not counted.
    package var tokenCount: Int { rows.reduce(0) { $0 + $1.count } }

    /// [N] int64: where in [B * T] the state lies that each scored token is predicted from.
    package func predictorIndex() throws -> Tensor {
        let places = scored.indices.flatMap { row in
            scored[row].flatMap { $0.map { Int64(offsets[row] + $0 - 1) } }
        }
        return try Tensor.of(places, device: tokens.device)
    }

    /// [B] int64: where in [B * T] the last real token of each row lies; an error when the model does not see it.
    ///
    /// - Parameter padding: a token that is passed over at the end of a row. In a row of nothing else the first counts, as
    ///   in transformers.
    package func lastIndex(before padding: Int32? = nil) throws -> Tensor {
        guard !omitsLast else {
            throw LanguageModelError(.argument, "the batch omits the last token of each row, which has no state then")
        }
        return try Tensor.of(
            zip(offsets, rows).map { offset, row in
                Int64(offset + (padding.map { token in row.lastIndex { $0 != token } ?? 0 } ?? row.count - 1))
            }, device: tokens.device)
    }

    /// [N] int64: the scored tokens themselves.
    package func targets() throws -> Tensor {
        try Tensor.of(
            scored.indices.flatMap { row in scored[row].flatMap { rows[row][$0].map(Int64.init) } },
            device: tokens.device)
    }

    /// Cuts a flat list of N numbers into rows.
    package func split<Element>(_ flat: [Element]) -> [[Element]] {
        var start = 0
        return scoredCounts.map { count in
            let end = min(flat.count, start + count)
            defer { start = end }
            return Array(flat[start..<end])
        }
    }

    /// States at `index` (of ``predictorIndex()`` or ``lastIndex()``). hidden [B, T, d] -> [index count, d]
    package static func select(_ hidden: Tensor, _ index: Tensor) throws -> Tensor {
        try hidden.reshape([-1, hidden.size(-1)]).indexSelect(0, index)
    }
}
