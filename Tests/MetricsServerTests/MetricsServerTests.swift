import Foundation
import FoundationNetworking
import Logging
import Metrics
import MetricsServer
import ServiceLifecycle
import Testing

@Suite struct MetricsServerTests {
    private let registry = MetricsRegistry([
        .init("skein_jobs_completed_total", .counter, "Jobs that this worker ended, by outcome.")
    ])

    /// Value of a row; nil when it is not there.
    private func value(_ row: String, in text: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix(row + " ") }
            .flatMap { Double($0.dropFirst(row.count + 1)) }
    }

    @Test func countersBeginAtZeroAndGoOn() {
        func counter() -> Counter {
            Counter(
                label: "skein_jobs_completed_total", dimensions: [("outcome", "done"), ("kind", "score")],
                factory: registry)
        }
        let row = "skein_jobs_completed_total{kind=\"score\",outcome=\"done\"}"
        let first = counter()
        #expect(value(row, in: registry.render()) == 0)
        first.increment(by: 2)
        first.destroy()
        counter().increment()
        let text = registry.render()
        #expect(value(row, in: text) == 3)
        #expect(text.contains("# HELP skein_jobs_completed_total Jobs that this worker ended, by outcome.\n"))
        #expect(text.contains("# TYPE skein_jobs_completed_total counter\n"))
    }

    @Test func everyKindOfMetricHasItsPlace() {
        FloatingPointCounter(label: "a_total", factory: registry).increment(by: 0.5)
        let meter = Meter(label: "b", factory: registry)
        meter.set(7)
        meter.decrement(by: 2.5)
        Recorder(label: "c", dimensions: [], aggregate: false, factory: registry).record(4)
        let times = Timer(label: "d_seconds", factory: registry)
        times.recordNanoseconds(250_000_000)
        times.recordNanoseconds(500_000_000)
        let text = registry.render()
        #expect(value("a_total", in: text) == 0.5 && value("b", in: text) == 4.5 && value("c", in: text) == 4)
        #expect(value("d_seconds_sum", in: text) == 0.75 && value("d_seconds_count", in: text) == 2)
    }

    @Test func labelsAreBoundedAndNamesAreWhatTheFormatAllows() {
        for number in 0..<1000 {
            Counter(label: "many", dimensions: [("id", "\(number)")], factory: registry).increment()
        }
        Meter(label: "1.bad name", dimensions: [("a-b", "x\"\\\n")], factory: registry).set(1)
        let text = registry.render()
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("many{") }.count == MetricsRegistry.mostSeries)
        #expect(value("_1_bad_name{a_b=\"x\\\"\\\\\\n\"}", in: text) == 1)
    }

    @Test func theProcessIsDescribed() {
        let text = registry.render()
        #expect(value("process_resident_memory_bytes", in: text) ?? 0 > 1_000_000)
        #expect(value("process_cpu_seconds_total", in: text) ?? 0 > 0)
        #expect(value("process_open_fds", in: text) ?? 0 > 2)
        let start = value("process_start_time_seconds", in: text) ?? 0
        #expect(start > Date.now.timeIntervalSince1970 - 86_400 && start <= Date.now.timeIntervalSince1970)
    }

    @Test func theEndpointServesTheTextOnThisMachineOnly() async throws {
        #expect(LocalAddress("0.0.0.0:9100") == nil && LocalAddress("10.0.0.1:9100") == nil)
        let server = MetricsServer(
            at: try #require(LocalAddress("127.0.0.1:0")), registry: registry,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        Counter(label: "skein_jobs_completed_total", factory: registry).increment(by: 5)
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await server.run { listening.yield($0) } }
            var port = 0
            for await value in ports {
                port = value
                break
            }
            let url = try #require(URL(string: "http://127.0.0.1:\(port)/metrics"))
            let (data, response) = try await URLSession.shared.data(from: url)
            let http = try #require(response as? HTTPURLResponse)
            #expect(http.statusCode == 200)
            #expect(http.value(forHTTPHeaderField: "Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(value("skein_jobs_completed_total", in: String(decoding: data, as: UTF8.self)) == 5)
            var foreign = URLRequest(url: url)
            foreign.setValue("http://evil.example", forHTTPHeaderField: "Origin")
            let (_, refused) = try await URLSession.shared.data(for: foreign)
            #expect((refused as? HTTPURLResponse)?.statusCode == 403)
            group.cancelAll()
        }
    }

    /// Brackets belong to the text; a socket takes the address without them.
    @Test func anIPv6AddressIsAHostWithoutBrackets() {
        for text in ["[::1]:9100", "::1:9100"] {
            let address = LocalAddress(text)
            #expect(address?.host == "::1" && address?.port == 9100 && address?.description == "[::1]:9100")
        }
        #expect(LocalAddress("[::1]:0")?.at(port: 7).description == "[::1]:7")
        #expect(LocalAddress("127.0.0.1:0")?.at(port: 7).description == "127.0.0.1:7")
    }

    private struct Served: Service {
        let server: MetricsServer
        let listening: AsyncStream<Int>.Continuation
        func run() async throws { try await server.run { listening.yield($0) } }
    }

    /// It ends when it is asked to, though half a request is on its way.
    @Test func aClientThatNeverFinishesHoldsNothingUp() async throws {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = MetricsServer(
            at: try #require(LocalAddress("127.0.0.1:0")), registry: registry, logger: quiet)
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let group = ServiceGroup(services: [Served(server: server, listening: listening)], logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run()
            }
            for await port in ports {
                let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                defer { close(socket) }
                var place = sockaddr_in()
                place.sin_family = sa_family_t(AF_INET)
                place.sin_port = in_port_t(port).bigEndian
                inet_pton(AF_INET, "127.0.0.1", &place.sin_addr)
                let isConnected = withUnsafePointer(to: &place) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    }
                }
                let half = "GET /metrics HTTP/1.1\r\nHost: 127.0"
                #expect(isConnected && send(socket, half, half.utf8.count, 0) == half.utf8.count)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                break
            }
        }
    }
}
