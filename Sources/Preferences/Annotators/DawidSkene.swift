import Foundation

/// The true category of each task, and how each annotator confuses categories, from votes alone
/// (Dawid and Skene 1979), by expectation and maximisation from the shares of votes.
package struct DawidSkene: Sendable, Equatable {
    package struct Label: Sendable, Equatable {
        package var task: Int
        package var annotator: Int
        package var category: Int

        package init(task: Int, annotator: Int, category: Int) {
            self.task = task
            self.annotator = annotator
            self.category = category
        }
    }

    /// For each task the probability of each category.
    package private(set) var probabilities: [[Double]]
    /// Of each category over all tasks.
    package private(set) var prior: [Double]
    /// For each annotator: how often (second index) a true category (first index) gets a vote for another.
    package private(set) var confusion: [[[Double]]] = []
    package private(set) var steps = 0

    /// - Parameters:
    ///   - gold: the category of tasks for which it is known.
    ///   - maximumSteps: 0 gives the shares of votes.
    ///   - tolerance: smallest change of a probability for which another step is made.
    /// - Returns: nil without labels, or when a label is out of range.
    package init?(
        _ labels: [Label], tasks: Int, annotators: Int, categories: Int, gold: [Int: Int] = [:],
        maximumSteps: Int = 100, tolerance: Double = 1e-6
    ) {
        guard !labels.isEmpty, categories > 0,
            labels.allSatisfy({
                (0..<tasks).contains($0.task) && (0..<annotators).contains($0.annotator)
                    && (0..<categories).contains($0.category)
            }), gold.allSatisfy({ (0..<tasks).contains($0.key) && (0..<categories).contains($0.value) })
        else { return nil }
        let even = [Double](repeating: 1 / Double(categories), count: categories)
        var shares = [[Double]](repeating: [Double](repeating: 0, count: categories), count: tasks)
        for label in labels { shares[label.task][label.category] += 1 }
        probabilities = shares.map { counts in Self.normalised(counts) ?? even }
        prior = even
        Self.fix(&probabilities, gold, categories)
        learn(labels, annotators: annotators, categories: categories)
        while steps < maximumSteps {
            let before = probabilities
            infer(labels, categories: categories)
            Self.fix(&probabilities, gold, categories)
            steps += 1
            learn(labels, annotators: annotators, categories: categories)
            let change = zip(before, probabilities).map { zip($0, $1).map { abs($0 - $1) }.max() ?? 0 }.max() ?? 0
            if change < tolerance { break }
        }
    }

    private static func fix(_ probabilities: inout [[Double]], _ gold: [Int: Int], _ categories: Int) {
        for (task, category) in gold {
            probabilities[task] = (0..<categories).map { $0 == category ? 1 : 0 }
        }
    }

    private static func normalised(_ values: [Double]) -> [Double]? {
        let sum = values.reduce(0, +)
        return sum > 0 && sum.isFinite ? values.map { $0 / sum } : nil
    }

    /// The prior and the confusion of each annotator that the probabilities make most likely.
    private mutating func learn(_ labels: [Label], annotators: Int, categories: Int) {
        prior = (0..<categories).map { category in
            probabilities.reduce(0) { $0 + $1[category] } / Double(probabilities.count)
        }
        let empty = [[Double]](repeating: [Double](repeating: 0, count: categories), count: categories)
        var counts = [[[Double]]](repeating: empty, count: annotators)
        for label in labels {
            for category in 0..<categories {
                counts[label.annotator][category][label.category] += probabilities[label.task][category]
            }
        }
        let even = [Double](repeating: 1 / Double(categories), count: categories)
        confusion = counts.map { $0.map { Self.normalised($0) ?? even } }
    }

    /// The probabilities that prior and confusion give, in logarithms.
    private mutating func infer(_ labels: [Label], categories: Int) {
        let tiny = 1e-10
        var logs = [[Double]](repeating: prior.map { log(max($0, tiny)) }, count: probabilities.count)
        for label in labels {
            for category in 0..<categories {
                logs[label.task][category] += log(max(confusion[label.annotator][category][label.category], tiny))
            }
        }
        probabilities = logs.map { values in
            let top = values.max() ?? 0
            return Self.normalised(values.map { exp($0 - top) }) ?? values
        }
    }
}
