/// The lines of `metrics.jsonl` by the number of their step, which counts from 1 as `training/global_step` does.
struct RunSteps: Sendable {
    /// Steps of which a mean is made: a tenth of all, but not fewer than these.
    private static let fewest = 5

    let figures: [Int: [String: Double]]

    init(_ lines: [[String: Double]]) {
        figures = Dictionary(lines.compactMap { line in Self.number(of: line).map { ($0, line) } }) { $1 }
    }

    private static func number(of line: [String: Double]) -> Int? {
        line["training/global_step"].flatMap { Int(exactly: $0) } ?? line["step"].flatMap { Int(exactly: $0 + 1) }
    }

    var first: Int? { figures.keys.min() }
    var last: Int? { figures.keys.max() }

    /// Seconds of all steps together.
    var seconds: Double? {
        let all = figures.values.compactMap { $0["timing_s/total"] }
        return all.isEmpty ? nil : all.reduce(0, +)
    }

    /// The last tenth of the steps, five at least, in their order.
    var lastTenth: [Int] {
        let all = figures.keys.sorted()
        return all.suffix(max(Self.fewest, (all.count + 9) / 10))
    }

    /// Of each figure over some steps, where a step has it.
    func means(of steps: [Int]) -> [String: Double] {
        steps.compactMap { figures[$0] }.reduce(into: [String: [Double]]()) { sums, line in
            for (name, value) in line where name != "step" { sums[name, default: []].append(value) }
        }.mapValues { $0.reduce(0, +) / Double($0.count) }
    }
}
