import ArgumentParser
import Console
import Reports

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "What the figures of metrics.jsonl mean.")
    @Argument(help: "One figure, or a part of its name: reward/judge/mean, kl. All when it is left out.")
    var name: String?

    func run() throws {
        let figures = name.map { name in
            FigureTable.named(name).map { [$0] } ?? FigureTable.all.filter { $0.name.contains(name) }
        }
        guard figures?.isEmpty != true else {
            throw CommandError(.usage, "there is no figure '\(name ?? "")'; skein metrics lists all")
        }
        for figure in figures ?? FigureTable.all {
            let unit = figure.unit.isEmpty ? "" : " (\(figure.unit))"
            Console.output("\(figure.name)\(unit)\n    \(figure.meaning)")
            if !figure.advice.isEmpty { Console.output("    \(figure.advice)") }
        }
    }
}
