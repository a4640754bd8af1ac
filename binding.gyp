{
  "targets": [
    {
      "target_name": "overlayfs",
      "sources": [
        "native/addon.cc",
        "native/ancestry.cc",
        "native/calls.cc",
        "native/checks.cc",
        "native/encode.cc",
        "native/exports.cc",
        "native/file_calls.cc",
        "native/guardian.cc",
        "native/list_in_time.cc",
        "native/mount_calls.cc",
        "native/namespace_child.cc",
        "native/process_calls.cc",
        "native/program.cc",
        "native/scan_directory.cc",
        "native/xattr_calls.cc"
      ],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "defines": [
        "NAPI_VERSION=8",
        # A worker thread that is being ended takes no exception: without this the whole process would abort.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "OVERLAYFS_SOURCE_DIGEST=\"<!(node scripts/native-digest.mjs)\"",
        # The one symbol of g++ 11's library that headers put in; older ones, under a Node that runs there, lack it.
        "__throw_bad_array_new_length=__throw_bad_alloc"
      ],
      "cflags": [
        "-Os", "-ffunction-sections", "-fdata-sections", "-fvisibility=hidden",
        "-Wall", "-Wextra", "-Wno-cast-function-type", "-ffile-prefix-map=<(module_root_dir)=."
      ],
      "cflags_cc": ["-std=c++20", "-fvisibility-inlines-hidden"],
      "cflags!": ["-O3", "-fno-exceptions"],
      "cflags_cc!": ["-O3", "-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      # nodelete: the guardian of a command (native/guardian.cc) runs on when the worker thread ends that loaded this.
      "ldflags": ["-nodefaultlibs", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,nodelete"],
      "libraries": ["-lstdc++", "-lgcc_s"],
      "variables": { "overlayfs_sanitize%": "", "overlayfs_small%": "" },
      "conditions": [
        # The prebuilt ones. The linker rounds relro up to a page with bytes of the file, and pages may have 64 kB. Node
        # builds for ppc64 with -mminimal-toc, which is for programs with very many globals and makes code larger.
        ["overlayfs_small!=''", {
          "cflags!": ["-fno-omit-frame-pointer"],
          "cflags": ["-flto", "-fomit-frame-pointer"],
          "ldflags": ["-flto", "-Os"],
          "conditions": [
            ["target_arch in 'arm64 ppc64 s390x'", { "ldflags": ["-Wl,-z,norelro", "-Wl,-z,common-page-size=64"] }],
            # Atomic operations by libgcc's routines would need a symbol of glibc that musl lacks.
            ["target_arch=='arm64'", { "cflags": ["-mno-outline-atomics"], "ldflags": ["-mno-outline-atomics"] }],
            ["target_arch=='ppc64'", { "cflags!": ["-mminimal-toc"] }]
          ]
        }],
        ["overlayfs_sanitize!=''", {
          "cflags": ["-fsanitize=<(overlayfs_sanitize)", "-fno-omit-frame-pointer", "-g"],
          "ldflags!": ["-nodefaultlibs"],
          "ldflags": ["-fsanitize=<(overlayfs_sanitize)"]
        }, {
          "cflags": ["-U_FORTIFY_SOURCE"]
        }]
      ]
    }
  ]
}
