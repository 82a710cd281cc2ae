import Foundation
import RunLayout

/// `evaluations.jsonl` of a run directory, in the order of its steps.
package struct HeldOutHistory: Sendable {
    /// One a step: the one that was written last.
    package private(set) var lines: [HeldOutFigures] = []
    private let path: String

    /// A line that a crash cut short is as if it were not there.
    package init(runDirectory: String) {
        path = RunLayout(runDirectory)[.heldOut]
        let data = FileManager.default.contents(atPath: path) ?? Data()
        for line in data.split(separator: UInt8(ascii: "\n")) {
            if let figures = try? JSONDecoder().decode(HeldOutFigures.self, from: Data(line)) { insert(figures) }
        }
    }

    private mutating func insert(_ figures: HeldOutFigures) {
        lines.removeAll { $0.step == figures.step }
        let place = lines.lastIndex { $0.step < figures.step }.map { $0 + 1 } ?? 0
        lines.insert(figures, at: place)
    }

    /// What the figures of the last step were measured by; nil in a history of earlier versions.
    package var basis: String? { lines.last?.basis }

    /// The lines that were measured as the last one was. A curve of others beside them would be of two figures.
    package var comparable: [HeldOutFigures] { lines.filter { $0.basis == basis } }

    /// Whether a step was measured.
    package func has(step: Int, basis: String?) -> Bool { lines.contains { $0.step == step && $0.basis == basis } }

    /// Appends a line. What a crash left of another one ends before it.
    package mutating func add(_ figures: HeldOutFigures) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = try encoder.encode(figures)
        data.append(UInt8(ascii: "\n"))
        let file = URL(filePath: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: file) }
        let handle = try FileHandle(forUpdating: file)
        defer { try? handle.close() }
        let size = try handle.seekToEnd()
        if size > 0 {
            try handle.seek(toOffset: size - 1)
            if try handle.readToEnd() != Data("\n".utf8) { data.insert(UInt8(ascii: "\n"), at: 0) }
        }
        try handle.write(contentsOf: data)
        try handle.synchronize()
        insert(figures)
    }

    /// The step after 0 with the highest figure, the earliest of equals; nil when none has it. Where a reward failed for more
    /// than a tenth of what it gave a value at another step, the step does not compete.
    ///
    /// - Parameters:
    ///   - name: as `evaluation.best` has it.
    ///   - basis: only lines that were measured by it are compared.
    ///   - steps: those whose policy there still is; nil: any.
    package func best(
        by name: String, basis: String?, among steps: Set<Int>? = nil
    ) -> (step: Int, value: Estimate)? {
        let key = HeldOutFigures.key(name)
        let measured = lines.filter { $0.step > 0 && $0.basis == basis }
        let most = measured.compactMap { $0.figures[key]?.count }.max() ?? 0
        var best: (step: Int, value: Estimate)?
        for line in measured where steps?.contains(line.step) ?? true {
            guard let value = line.figures[key], value.mean.isFinite else { continue }
            // Where a reward was out for some prompts, the mean is of the others, which may be the easy ones.
            guard 10 * value.count >= 9 * most else { continue }
            if best.map({ value.mean > $0.value.mean }) ?? true { best = (line.step, value) }
        }
        return best
    }
}

/// `policy-best/best.json`: which policy stands there, and why.
package struct BestPolicy: Codable, Sendable, Equatable {
    package var step: Int
    /// As `evaluation.best` had it.
    package var figure: String
    package var value: Estimate
    package var basis: String?

    package init(step: Int, figure: String, value: Estimate, basis: String?) {
        self.step = step
        self.figure = figure
        self.value = value
        self.basis = basis
    }

    /// - Returns: nil when there is no policy, or one of an earlier version, which did not say what it is.
    package static func read(in runDirectory: String) -> BestPolicy? {
        FileManager.default.contents(atPath: RunLayout(runDirectory).bestRecord).flatMap {
            try? JSONDecoder().decode(Self.self, from: $0)
        }
    }

    /// Whether the best of the measured steps, as far as their policies are still there, is not what stands in `policy-best`.
    ///
    /// - Parameters:
    ///   - figure: as `evaluation.best` has it.
    ///   - checkpoints: steps whose checkpoints are kept.
    package static func isMissing(in runDirectory: String, figure: String, checkpoints: [Int]) -> Bool {
        let history = HeldOutHistory(runDirectory: runDirectory)
        let present = read(in: runDirectory)
        let isSame = present?.basis == history.basis && present?.figure == figure
        let steps = checkpoints + (isSame ? [present?.step].compactMap { $0 } : [])
        guard let best = history.best(by: figure, basis: history.basis, among: Set(steps)) else { return false }
        return !isSame || best.step != present?.step
    }

    /// - Parameter directory: that of the policy.
    package func write(to directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: RunLayout.bestRecord(in: directory)))
    }
}
