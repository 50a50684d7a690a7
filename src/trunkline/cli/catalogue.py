"""Every command: verb, noun, where it is defined, and the first line of its help."""

from collections.abc import Mapping

from trunkline.cli.grammar import Absent, Entry, Verb

# What clients of the field have, and what is answered with why it is not offered.
_NO_AUTH = "the auth service is not activated"
_NO_LICENCES = "there are no licences: everything is on without one"
_AUTH = (
    *("activate", "deactivate", "login", "whoami", "get-robot-token", "revoke", "get-groups", "get", "set", "check"),
    *("rotate-root-token", "roles-for-permission", "get-config", "set-config"),
)
_ENTERPRISE = (
    *("activate", "deactivate", "register", "heartbeat", "pause", "unpause", "pause-status", "get-activation-code"),
    *("sync-contexts", "use-custom-context"),
)

COMMANDS: Mapping[str, Entry | Verb | Absent] = {
    "create": Verb(
        "Create an object.",
        {
            "project": Entry("pfs.project:create_project", "Create a project."),
            "repo": Entry("pfs.repo:create_repo", "Create a repo."),
            "branch": Entry("pfs.branch:create_branch", "Create a branch, or change one."),
            "pipeline": Entry("pps.pipeline_spec:create_pipeline", "Create pipelines from a specification."),
            "secret": Entry("pps.secret:create_secret", "Create a secret from a manifest."),
            "defaults": Entry("pps.defaults:create_defaults", "Set the defaults under every specification."),
        },
    ),
    "list": Verb(
        "List objects.",
        {
            "project": Entry("pfs.project:list_project", "List the projects."),
            "repo": Entry("pfs.repo:list_repo", "List the repos of a project."),
            "branch": Entry("pfs.branch:list_branch", "List the branches of a repo."),
            "commit": Entry(
                "pfs.commit_list:list_commit", "List commit sets, or the commits of a set, repo or branch."
            ),
            "file": Entry("pfs.file:list_file", "List the files of a directory."),
            "pipeline": Entry("pps.pipeline:list_pipeline", "List the pipelines of a project."),
            "job": Entry("pps.job:list_job", "List job sets, or the jobs of a set or pipeline."),
            "datum": Entry(
                "pps.datum:list_datum", "List the datums of a job, or those that a specification would make."
            ),
            "secret": Entry("pps.secret:list_secret", "List the secrets."),
            "transaction": Entry("pfs.transaction:list_transaction", "List the open transactions."),
            "task": Entry("pps.task:list_task", "List the tasks that run."),
        },
    ),
    "inspect": Verb(
        "Show what is known about an object.",
        {
            "project": Entry("pfs.project:inspect_project", "Show a project."),
            "repo": Entry("pfs.repo:inspect_repo", "Show a repo."),
            "branch": Entry("pfs.branch:inspect_branch", "Show a branch."),
            "commit": Entry("pfs.commit:inspect_commit", "Show a commit."),
            "file": Entry("pfs.file:inspect_file", "Show a file."),
            "pipeline": Entry("pps.pipeline:inspect_pipeline", "Show a pipeline."),
            "job": Entry("pps.job:inspect_job", "Show a job."),
            "datum": Entry("pps.datum:inspect_datum", "Show a datum of a job."),
            "secret": Entry("pps.secret:inspect_secret", "Show a secret, without what it hides."),
            "defaults": Entry("pps.defaults:inspect_defaults", "Show the defaults under every specification."),
            "transaction": Entry("pfs.transaction:inspect_transaction", "Show a transaction."),
            "cluster": Entry("admin.server:inspect_cluster", "Show the server."),
        },
    ),
    "delete": Verb(
        "Delete an object.",
        {
            "project": Entry("pfs.project:delete_project", "Delete a project with all that is in it."),
            "repo": Entry("pfs.repo:delete_repo", "Delete a repo."),
            "branch": Entry("pfs.branch:delete_branch", "Delete a branch; its commits stay."),
            "commit": Entry("pfs.commit:delete_commit", "Delete a commit set with its data."),
            "commitV2": Entry("pfs.commit:delete_commit_v2", "Delete one commit with its data."),
            "file": Entry("pfs.file:delete_file", "Delete a file or directory from a branch."),
            "pipeline": Entry("pps.pipeline:delete_pipeline", "Delete a pipeline with its output."),
            "job": Entry("pps.job:delete_job", "Delete the record of a job."),
            "secret": Entry("pps.secret:delete_secret", "Delete a secret."),
            "defaults": Entry("pps.defaults:delete_defaults", "Remove the defaults under every specification."),
            "transaction": Entry("pfs.transaction:delete_transaction", "Discard a transaction."),
            "all": Entry("admin.server:delete_all", "Delete everything."),
        },
    ),
    "update": Verb(
        "Change an object.",
        {
            "project": Entry("pfs.project:update_project", "Change a project's description."),
            "repo": Entry("pfs.repo:update_repo", "Change a repo's description."),
            "pipeline": Entry("pps.pipeline_spec:update_pipeline", "Change pipelines, or create them."),
            "defaults": Entry("pps.defaults:update_defaults", "Change the defaults under every specification."),
        },
    ),
    "collect": Verb(
        "Give space back.",
        {"garbage": Entry("admin.garbage:collect_garbage", "Delete data that no commit uses any more.")},
    ),
    "put": Verb("Write files.", {"file": Entry("pfs.put:put_file", "Write files into a branch or open commit.")}),
    "get": Verb("Read files.", {"file": Entry("pfs.get:get_file", "Read a file, or a directory with -r.")}),
    "glob": Verb("Find files.", {"file": Entry("pfs.file:glob_file", "List the files that match a pattern.")}),
    "copy": Verb(
        "Copy files.", {"file": Entry("pfs.file:copy_file", "Copy a file or directory without moving bytes.")}
    ),
    "diff": Verb(
        "Compare files.", {"file": Entry("pfs.diff:diff_file", "Compare a file or directory of two commits.")}
    ),
    "start": Verb(
        "Start something.",
        {
            "commit": Entry("pfs.commit:start_commit", "Open a commit, to be written and finished."),
            "pipeline": Entry("pps.pipeline:start_pipeline", "Start a stopped pipeline again."),
            "transaction": Entry(
                "pfs.transaction:start_transaction", "Collect the commands that follow into one step."
            ),
        },
    ),
    "finish": Verb(
        "Finish something.",
        {
            "commit": Entry("pfs.commit:finish_commit", "Close an open commit."),
            "transaction": Entry("pfs.transaction:finish_transaction", "Carry out a transaction."),
        },
    ),
    "stop": Verb(
        "Stop something.",
        {
            "pipeline": Entry("pps.pipeline:stop_pipeline", "Stop a pipeline and its jobs."),
            "job": Entry("pps.job:stop_job", "Stop a job, or all jobs of a set."),
            "transaction": Entry("pfs.transaction:stop_transaction", "Leave the active transaction, and keep it."),
        },
    ),
    "resume": Verb(
        "Go on with something.",
        {"transaction": Entry("pfs.transaction:resume_transaction", "Make a transaction the active one.")},
    ),
    "wait": Verb(
        "Wait for something.",
        {
            "commit": Entry("pfs.commit:wait_commit", "Wait until a commit is finished, then show it."),
            "job": Entry("pps.job:wait_job", "Wait until a job, or all jobs of a set, are done, then show them."),
        },
    ),
    "subscribe": Verb(
        "Follow something.", {"commit": Entry("pfs.commit_list:subscribe_commit", "Print commits as they come.")}
    ),
    "squash": Verb(
        "Merge commits into their children.",
        {
            "commit": Entry("pfs.commit:squash_commit", "Merge a commit set into its children."),
            "commitV2": Entry("pfs.commit:squash_commit_v2", "Merge one commit into its children."),
        },
    ),
    "forget": Verb(
        "Drop what can be computed again.",
        {"commit": Entry("pfs.commit:forget_commit", "Drop the files of an output commit, and keep its record.")},
    ),
    "find": Verb(
        "Find something.", {"commit": Entry("pfs.commit_list:find_commit", "List the commits that changed a file.")}
    ),
    "edit": Verb(
        "Edit an object.",
        {
            "pipeline": Entry("pps.pipeline_spec:edit_pipeline", "Edit a pipeline's specification."),
            "metadata": Entry("pfs.metadata:edit_metadata", "Change the key-value pairs of an object."),
        },
    ),
    "validate": Verb(
        "Check something.",
        {"pipeline": Entry("pps.pipeline_spec:validate_pipeline", "Check a specification without a server.")},
    ),
    "rerun": Verb("Run again.", {"pipeline": Entry("pps.pipeline:rerun_pipeline", "Run a pipeline's last job again.")}),
    "run": Verb(
        "Run something.",
        {
            "cron": Entry("pps.pipeline:run_cron", "Let a pipeline's cron inputs tick now."),
            "pfs-load-test": Entry("admin.load_test:run_pfs_load_test", "Write random files and check them."),
            "pps-load-test": Entry(
                "admin.load_test:run_pps_load_test", "Write random files, and check what pipelines make."
            ),
        },
    ),
    "next": Verb(
        "Go on to something.",
        {"datum": Entry("pps.datum:next_datum", "In user code that batches datums: go on to the next one.")},
    ),
    "restart": Verb("Restart something.", {"datum": Entry("pps.datum:restart_datum", "Start running datums again.")}),
    "draw": Verb("Draw something.", {"pipeline": Entry("pps.draw:draw_pipeline", "Draw the graph of pipelines.")}),
    "check": Verb(
        "Check something.", {"status": Entry("pps.pipeline:check_status", "List pipelines that have alerts.")}
    ),
    "config": Verb(
        "Show and change the configuration file.",
        {
            "get": Verb(
                "Show something of the configuration file.",
                {
                    "context": Entry("admin.context:get_context", "Show a context, by default the one in use."),
                    "active-context": Entry(
                        "admin.context:get_active_context", "Print the name of the context in use."
                    ),
                    "metrics": Entry(
                        "admin.context:get_metrics", "Print whether metrics are on; this program sends none."
                    ),
                },
            ),
            "set": Verb(
                "Set something in the configuration file.",
                {
                    "context": Entry("admin.context:set_context", "Write a context, read as JSON from standard input."),
                    "active-context": Entry("admin.context:set_active_context", "Choose the context in use."),
                    "metrics": Entry(
                        "admin.context:set_metrics", "Say whether metrics are on; this program sends none."
                    ),
                },
            ),
            "update": Verb(
                "Change something in the configuration file.",
                {"context": Entry("admin.context:update_context", "Change a context, by default the one in use.")},
            ),
            "delete": Verb(
                "Delete something from the configuration file.",
                {"context": Entry("admin.context:delete_context", "Delete a context.")},
            ),
            "list": Verb(
                "List what is in the configuration file.",
                {"context": Entry("admin.context:list_context", "List the contexts.")},
            ),
        },
    ),
    "connect": Entry("admin.context:connect", "Use the server at an address from now on."),
    "mount": Entry("pfs.mount:mount", "Mount repos as directories."),
    "unmount": Entry("pfs.mount:unmount", "Unmount a directory, and put what was written."),
    "logs": Entry("pps.logs:logs", "Print what the user code of a pipeline or job printed."),
    "logs2": Entry("pps.log_query:logs2", "Ask the logs of a project, pipeline, job or datum, ordered by time."),
    "explain": Entry("pps.lineage:explain", "Say why the datums of a job ran."),
    "plan": Entry("pps.lineage:plan", "Say what a specification would run now, and why."),
    "why": Entry("pps.lineage:why", "Show what a file was made from."),
    "impact": Entry("pps.lineage:impact", "Show what has been made from a file."),
    "debug": Verb(
        "Look into the server.",
        {
            "log-level": Entry("admin.debug:log_level", "Change what the server logs, for a while."),
            "trace": Entry("admin.debug:trace", "Record what the server does, in time."),
            "dump": Entry(
                "admin.debug:dump", "Write an archive for a report of a problem: versions, threads, repos and commits."
            ),
            "template": Entry(
                "admin.debug:template", "Print what `debug dump` collects, to be changed and given to it."
            ),
            "profile": Entry(
                "admin.debug:profile", "Write an archive with what the server's threads do, for a flame graph."
            ),
            "binary": Entry("admin.debug:binary", "Write an archive with the versions of all that the server runs on."),
        },
    ),
    "fsck": Entry("admin.server:fsck", "Check the repository's consistency."),
    "version": Entry("admin.server:version", "Print the versions of this program and of the server."),
    "shell": Entry("admin.shell:shell", "Run commands from a prompt, without the program's name before each."),
    "completion": Verb(
        "Let a shell complete commands and options.",
        {
            "bash": Entry("admin.completion:bash", "Print what lets bash complete commands and options."),
            "zsh": Entry("admin.completion:zsh", "Print what lets zsh complete commands and options."),
            "fish": Entry("admin.completion:fish", "Print what lets fish complete commands and options."),
        },
    ),
    "auth": Verb(
        "Use a session token; there is no auth service here.",
        {
            "logout": Entry("admin.inactive:logout", "Forget the session token of the context in use."),
            "use-auth-token": Entry(
                "admin.inactive:use_auth_token", "Read a session token from standard input, to send it with each call."
            ),
            **{name: Absent(name, _NO_AUTH) for name in _AUTH},
        },
    ),
    "enterprise": Verb(
        "Everything is on without a licence.",
        {
            "get-state": Entry(
                "admin.inactive:enterprise_state", "Print the state of the licence, which is that there is none."
            ),
            **{name: Absent(name, _NO_LICENCES) for name in _ENTERPRISE},
        },
    ),
    "idp": Absent("idp", _NO_AUTH),
    "license": Absent("license", _NO_LICENCES),
    "serve": Entry("admin.server:serve", "Run the server."),
    "shutdown": Entry("admin.server:shutdown", "End the local server that runs in the background."),
}
