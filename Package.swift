// swift-tools-version: 6.2
import PackageDescription

// Where `scripts/setup` unpacks libtorch. `LIBTORCH` names another copy: a folder that holds `include` and `lib`.
let home = Context.environment["HOME"] ?? "/tmp"
let cache = Context.environment["SKEIN_CACHE"] ?? "\(Context.environment["XDG_CACHE_HOME"] ?? "\(home)/.cache")/skein"
let libtorch = Context.environment["LIBTORCH"] ?? "\(cache)/libtorch-2.15.0/torch"

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Tests are built in the configuration in which Skein is used, release, so that everything is built once.
    .unsafeFlags(["-warnings-as-errors", "-enable-testing"]),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

// `scripts/fuzz` builds the fuzzer in the place of the test of its corpora; the two share their sources.
let isFuzzing = Context.environment["SKEIN_FUZZ"] != nil
// `scripts/sanitize` leaves out what needs libtorch, which no sanitizer can look into.
let withoutTorch = Context.environment["SKEIN_WITHOUT_TORCH"] != nil

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(
    name: "SystemPackage", package: "swift-system", condition: .when(platforms: [.linux]))
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

/// The labelling page, built into the program.
let pageFiles =
    ["index.html", "style.css", "icon.svg"]
    + [
        "answers", "clock", "differences", "elements", "lead", "main", "markdown", "pair", "ranking", "rating",
        "remarks",
        "server", "writing",
    ].map { "\($0).js" }

let fuzzed: [Target.Dependency] =
    [
        "Cluster", "ClusterModel", "Coordinator", "Datasets", "Preferences", "Rewards", "RunConfiguration",
        "Tokenizers",
        "Transport", "VoteFiles", grdb,
    ] + (withoutTorch ? [] : ["LanguageModels", "Torch"])
let fuzzer: [Target] = [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/FuzzTests/CLibFuzzer"),
    .executableTarget(
        name: "skein-fuzz", dependencies: fuzzed + ["CLibFuzzer"], path: "Tests/FuzzTests",
        sources: ["Inputs", "Fuzzer"], swiftSettings: strict),
]

let package = Package(
    name: "skein",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // Layer 0: C and C++.
        .systemLibrary(name: "CCrypto"),
        .systemLibrary(name: "CZeroMQ"),
        .systemLibrary(name: "CZlib"),
        .target(
            name: "CTorch",
            cxxSettings: [
                .unsafeFlags([
                    "-O3", "-isystem", "\(libtorch)/include",
                    "-isystem", "\(libtorch)/include/torch/csrc/api/include",
                ])
            ],
            linkerSettings: [
                // Found by RPATH, so that nothing has to be exported before a run.
                .unsafeFlags([
                    "-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
                ]),
                .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
            ]),

        // Layer 1: one library each made safe for Swift.
        library("AtomicFiles"),
        library("Cryptography", ["CCrypto"]),
        library("Transport"),
        library("Loopback"),
        library("ZeroMQ", ["CZeroMQ", "Loopback", "Transport"]),
        library("InProcess", ["Transport", collections]),
        library("Torch", ["AtomicFiles", "CTorch"]),
        library("SkeinProto", [protobuf]),
        library("Tokenizers"),

        // Layer 2: values and rules, no clock and no socket.
        library("ClusterModel", [collections, heap]),
        library("RunLayout"),
        library("RunConfiguration", ["ClusterModel", "Loopback", "RunLayout", yams]),
        library("Keys", ["Cryptography", "Transport", "ZeroMQ"]),
        library("Datasets", ["CZlib", "Tokenizers"]),
        library("Launching"),
        library("HostChecks"),
        library("RunInputs", ["AtomicFiles", "RunLayout", "Cryptography"]),
        library("Reports", ["AtomicFiles", "RunLayout", "Preferences"]),
        library("Console", ["AtomicFiles", "RunLayout", lifecycle, log]),
        library("Preferences"),
        library("VoteFiles", ["Datasets", "Preferences", "Tokenizers"]),
        library("MetricsServer", ["Loopback", coreMetrics, hummingbird, lifecycle, log]),
        library("FeedbackModel"),

        // Layer 3
        library("Rewards", ["RunConfiguration", "Tokenizers", log]),
        library(
            "Cluster",
            ["CZlib", "Transport", "SkeinProto", "ClusterModel", "Cryptography", protobuf, collections, log, metrics]),
        library("Supervision", ["ClusterModel", "Console", "RunConfiguration", subprocess, system]),
        library("FeedbackStore", ["Cryptography", "FeedbackModel", grdb]),
        library("LanguageModels", ["AtomicFiles", "Torch"]),
        library("PolicyOptimization", ["Torch", "LanguageModels", "RunConfiguration"]),

        library(
            "Evaluations",
            [
                "Datasets", "LanguageModels", "Reports", "Rewards", "RunConfiguration", "RunInputs", "Tokenizers",
                "Torch",
            ]),

        // Layer 4: the roles; they never import one another.
        library(
            "Coordinator", ["Cluster", "ClusterModel", "Reports", "RunLayout", "Transport", "Cryptography", grdb, log]),
        library(
            "StatusServer", ["ClusterModel", "MetricsServer", "RunConfiguration", "Cryptography", hummingbird, log]),
        .target(
            name: "FeedbackServer",
            dependencies: ["FeedbackModel", "FeedbackStore", "MetricsServer", hummingbird, log],
            resources: pageFiles.map { .embedInCode("Page/\($0)") }, swiftSettings: strict),
        library("Generator", ["Cluster", "ClusterModel", "LanguageModels", "Torch", "Tokenizers", log, metrics]),
        library(
            "Scorer",
            ["Cluster", "ClusterModel", "LanguageModels", "Torch", "Tokenizers", "Rewards", "RunConfiguration", log]),
        library(
            "Training",
            [
                "AtomicFiles", "Datasets", "Evaluations", "LanguageModels", "PolicyOptimization", "Reports",
                "RunConfiguration", "RunInputs", "RunLayout", "Cryptography", "Tokenizers", "Torch", log,
            ]),
        library(
            "Learner",
            [
                "AtomicFiles", "Cluster", "ClusterModel", "Console", "Evaluations", "LanguageModels",
                "PolicyOptimization", "Reports", "RunConfiguration", "RunLayout", "Cryptography", "Tokenizers", "Torch",
                log, metrics,
            ]),

        // Layer 5: parse, wire, run. `skein` must start in milliseconds, so it never reaches Torch.
        .executableTarget(
            name: "skein",
            dependencies: [
                "AtomicFiles", "Cluster", "ClusterModel", "Console", "Coordinator", "Cryptography", "Datasets",
                "FeedbackModel", "FeedbackServer", "FeedbackStore", "HostChecks", "Keys", "Launching", "Loopback",
                "MetricsServer", "Preferences", "Reports", "Rewards", "RunConfiguration", "RunInputs", "RunLayout",
                "StatusServer", "Supervision", "Tokenizers", "Transport", "VoteFiles", "ZeroMQ", arguments,
                lifecycle, log,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "skein-engine",
            dependencies: [
                "Cluster", "ClusterModel", "Console", "Datasets", "Evaluations", "Generator", "Keys",
                "LanguageModels", "Learner", "MetricsServer", "PolicyOptimization", "Reports", "Rewards",
                "RunConfiguration", "RunInputs",
                "RunLayout", "Scorer", "Cryptography", "Tokenizers", "Torch", "Training", "Transport", "ZeroMQ",
                arguments,
                lifecycle, log, metrics,
            ],
            swiftSettings: strict),

        // Beside the layers: the cluster in virtual time.
        library("ClusterTestKit", ["ClusterModel", heap]),
        .executableTarget(
            name: "skein-simulate", dependencies: ["ClusterModel", "ClusterTestKit", arguments], swiftSettings: strict),
        // Beside the layers: real processes and a nemesis.
        .executableTarget(
            name: "skein-chaos",
            dependencies: ["ClusterModel", "RunConfiguration", "RunLayout", "Cryptography", grdb, arguments],
            swiftSettings: strict),

        // Beside the layers: measurements. They are in no release.
        .executableTarget(
            name: "skein-bench",
            dependencies: [
                "Cluster", "ClusterModel", "Console", "Coordinator", "FeedbackModel", "FeedbackStore", "Keys",
                "MetricsServer", "StatusServer", "Transport", "ZeroMQ", arguments, log,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "skein-engine-bench",
            dependencies: [
                "ClusterModel", "LanguageModels", "Learner", "PolicyOptimization", "RunConfiguration", "Torch",
                arguments,
            ],
            swiftSettings: strict),

        // Tests
        tests("ClusterModelTests", ["ClusterModel", "ClusterTestKit"]),
        tests(
            "ClusterTests", ["Cluster", "ClusterModel", "InProcess", "Transport", "ZeroMQ", "Cryptography", log],
            resources: [.copy("Fixtures")]),
        tests(
            "CoordinatorTests",
            ["Coordinator", "Cluster", "ClusterModel", "InProcess", "Transport", "ZeroMQ", grdb, log]),
        tests("DatasetsTests", ["Datasets", "Tokenizers", "CZlib"]),
        tests("EvaluationsTests", ["Evaluations", "Rewards", "RunConfiguration", "Tokenizers"]),
        tests("FeedbackModelTests", ["FeedbackModel"]),
        tests("FeedbackStoreTests", ["FeedbackStore", "FeedbackModel", grdb]),
        tests(
            "FeedbackServerTests",
            ["FeedbackServer", "FeedbackStore", "FeedbackModel", "MetricsServer", hummingbird, log]),
        tests(
            "LanguageModelsTests", ["LanguageModels", "Torch"],
            resources: [
                .copy("Fixtures"), .copy("FamilyFixtures"), .copy("AdapterFixtures"), .copy("RandomFixtures"),
                .copy("RewardFixtures"),
            ]),
        tests(
            "LearnerTests",
            [
                "Learner", "Cluster", "ClusterModel", "Evaluations", "LanguageModels", "PolicyOptimization", "Reports",
                "RunConfiguration", "Torch", "ZeroMQ", "Cryptography", log,
            ]),
        tests(
            "PolicyOptimizationTests", ["PolicyOptimization", "LanguageModels", "RunConfiguration", "Torch"],
            resources: [.copy("Fixtures")]
        ),
        tests(
            "ProcessTests",
            ["skein", "skein-engine", "skein-chaos", "Cluster", "ClusterModel", "Keys", "Transport", "ZeroMQ", log],
            resources: [.copy("Fixtures")]),
        tests("PreferencesTests", ["Preferences"], resources: [.copy("Fixtures")]),
        tests("ReportsTests", ["Preferences", "Reports"]),
        tests("LaunchingTests", ["Console", "Launching", "Supervision"]),
        tests("HostChecksTests", ["HostChecks"]),
        tests("RewardsTests", ["Rewards", "RunConfiguration", "Tokenizers"], resources: [.copy("Fixtures")]),
        tests("RunInputsTests", ["AtomicFiles", "RunInputs", "Console"]),
        tests(
            "RunConfigurationTests", ["ClusterModel", "Loopback", "RunConfiguration", "RunLayout", yams],
            resources: [.copy("Fixtures")]),
        tests("MetricsServerTests", ["MetricsServer", lifecycle, log, metrics]),
        tests(
            "KeysTests",
            ["Keys", "Cluster", "ClusterModel", "Coordinator", "Cryptography", "CZeroMQ", "Transport", "ZeroMQ", log]),
        tests("ConsoleTests", ["Console"]),
        tests("StatusServerTests", ["StatusServer", "MetricsServer", "ClusterModel", log]),
        tests("SupervisionTests", ["Supervision", "ClusterModel", "Console"]),
        tests("TokenizersTests", ["Tokenizers"], resources: [.copy("Fixtures")]),
        tests("TorchTests", ["AtomicFiles", "Torch"]),
        tests("VoteFilesTests", ["Datasets", "Preferences", "Tokenizers", "VoteFiles"]),
        tests(
            "TrainingTests",
            [
                "Training", "PolicyOptimization", "LanguageModels", "RunConfiguration", "RunInputs", "Tokenizers",
                "Torch",
            ],
            resources: [.copy("Fixtures")]),
    ]
        + (isFuzzing
            ? fuzzer
            : [
                tests(
                    "FuzzTests", fuzzed, exclude: ["Fuzzer", "CLibFuzzer", "Dictionaries"],
                    resources: [.copy("Corpora")])
            ]),
    cxxLanguageStandard: .cxx20
)

if withoutTorch {
    var left: Set = ["CTorch"]
    func needs(_ target: Target) -> Bool {
        target.dependencies.contains { dependency in
            if case .byNameItem(let name, _) = dependency { left.contains(name) } else { false }
        }
    }
    while let next = package.targets.first(where: { !left.contains($0.name) && needs($0) }) { left.insert(next.name) }
    package.targets.removeAll { left.contains($0.name) }
}
