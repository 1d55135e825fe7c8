#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# The runner of the suites, in a scratch tree with suites of its own; and what is made from the declarations: run.sh
# BUILD, prints TAP.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
tree=$work/tree

# start_tree: with a library, and nothing else
start_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/tests/shared" "$tree/build"
    cp VERSION "$tree"
    cp tests/run.sh tests/suites.sh tests/suites.awk tests/tap.sh "$tree/tests"
    echo "library what they share" > "$tree/tests/shared/suite"
}

# suite NAME [DECLARATION-LINE...]: a folder; what it prints is read from stdin
suite() {
    mkdir -p "$tree/tests/$1"
    cat > "$tree/tests/$1/tap"
    # shellcheck disable=SC2016 # for the script
    printf '#!/bin/sh\necho %s >> build/ran\ncat tests/%s/tap\nexit "${STATUS:-0}"\n' "$1" "$1" > "$tree/tests/$1/run.sh"
    chmod +x "$tree/tests/$1/run.sh"
    suite_name=$1
    shift
    {
        echo "suite $suite_name"
        echo "proves that $suite_name is"
        for suite_line in "$@"; do
            echo "$suite_line"
        done
    } > "$tree/tests/$suite_name/suite"
}

# run NAME=VALUE... [-- ARGUMENT...]: the runner; sets status, $work/out has both outputs
run() {
    set -- TEST= VERBOSE= STATUS=0 JOBS=1 "$@"
    run_env=
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        run_env="$run_env $1"
        shift
    done
    [ $# -eq 0 ] || shift
    : > "$tree/build/ran"
    # shellcheck disable=SC2086 # words are wanted
    env $run_env "$tree/tests/run.sh" "$tree/build" "$@" > "$work/out" 2>&1 && status=0 || status=$?
}

said() {
    want "a line: $1" 1 "$(grep -c -x -F -- "$1" "$work/out")"
}

ran() {
    want "suites that ran" "$1" "$(tr '\n' ' ' < "$tree/build/ran")"
}

# --- running ---

start_tree
printf 'ok 1 - a\nok 2 - b # SKIP no reason\n1..2\n' | suite good
printf 'ok 1 - c\n# of no interest\nok 2 - d\n1..2\n' | suite better "takes 5"
printf '1..1\nok 1 - e\n' | suite endless "takes 9" long
run
want status 0 "$status"
said "3 passed, 0 failed, 1 skipped"
want "last line" "3 passed, 0 failed, 1 skipped" "$(tail -n 1 "$work/out")"
ran "better good "
conclude suites_of_make_check_run_and_are_summed_up
run -- --long
said "4 passed, 0 failed, 1 skipped"
ran "endless better good "
conclude long_suites_run_when_asked_for_and_the_longest_comes_first
run -- good endless good
said "2 passed, 0 failed, 1 skipped"
ran "endless good "
conclude suites_can_be_named
run VERBOSE=1 -- better
said "  # of no interest"
conclude verbose_shows_every_line

printf 'ok 1 - a\n# why it fails\nnot ok 2 - b\n# and this\n1..2\n' | suite failing
run -- failing
want status 1 "$status"
said "  not ok 2 - b"
said "  # why it fails"
said "  # and this"
want "last line" "1 passed, 1 failed" "$(tail -n 1 "$work/out")"
conclude a_failure_is_shown_with_what_is_said_of_it

# judged NAME LINE: the good tests of the one suite count, and the line is its failure
judged() {
    run "${3:-STATUS=0}" -- "$2"
    want status 1 "$status"
    said "  not ok - $2: $4"
    conclude "$1"
}

printf 'ok 1 - a\n' | suite planless
judged a_run_without_a_plan_has_failed planless '' "ended early: no plan, ran 1"
: | suite silent
judged a_silent_run_has_failed silent '' "ended early: no plan, ran 0"
printf '1..3\nok 1 - a\nok 2 - b\nBail out! no disk\n' | suite short
judged a_run_that_ends_before_its_plan_has_failed short '' "ended early: planned 3, ran 2"
said "  Bail out! no disk"
conclude its_last_words_are_shown
printf '1..1\nok 1 - a\nok 2 - b\n' | suite talkative
judged a_run_that_exceeds_its_plan_has_failed talkative '' "planned 1, ran 2"
judged a_status_other_than_0_is_a_failure better STATUS=3 "exited with status 3"

run -- good unheard-of
want status 2 "$status"
said "run.sh: no suite is named \`unheard-of\`; there are:"
want "suites" "better endless failing good planless short silent talkative" "$(tail -n 1 "$work/out")"
ran ""
conclude an_unknown_suite_is_an_error_that_lists_those_known
run -- shared
want status 2 "$status"
conclude a_library_is_no_suite

printf '1..0\n' | suite needy "needs dpkg no-such-package"
run -- good needy
want status 2 "$status"
said "run.sh: needy needs the package no-such-package"
ran ""
conclude a_missing_package_is_an_error_before_the_run

# --- one test ---

start_tree
: | suite shell
cat > "$tree/tests/shell/run.sh" << 'END'
#!/bin/sh
. "$(dirname "$0")/../tap.sh"
pass "a: one"
fail "a: two"
check b true
skip c "no reason"
want d 1 2
conclude "d [1]"
finish
END
run
said "2 passed, 2 failed, 1 skipped"
conclude without_a_name_all_tests_count
run TEST=b
want status 0 "$status"
said "1 passed, 0 failed"
conclude test_chooses_one_test_of_a_shell_suite
run "TEST=a:*"
want status 1 "$status"
said "1 passed, 1 failed"
conclude test_may_be_a_pattern
run TEST=e
want status 2 "$status"
said "run.sh: no test of these suites is named \`e\`"
conclude a_name_that_no_test_has_is_an_error

# by_program TEST: what a program in C prints
by_program() {
    TEST=$1 "$build/tests/guest-memory/test_guest_memory" | tr '\n' ' '
}
same test_chooses_one_test_of_a_program_in_c "ok 1 - pae_maps_two_mib 1..1 " "$(by_program pae_maps_two_mib)"
same test_may_be_a_pattern_for_a_program_in_c "ok 1 - pae_leads_to_the_frame ok 2 - pae_maps_two_mib 1..2 " \
    "$(by_program 'pae_[lm]*')"

# --- declarations ---

# refused NAME MESSAGE: the runner does not run, and says why
refused() {
    run
    want status 2 "$status"
    said "$2"
    conclude "$1"
}

start_tree
mkdir "$tree/tests/new"
refused a_folder_without_a_declaration_is_an_error "tests/new/suite:0: the folder declares no suite"
: > "$tree/tests/new/suite"
refused an_empty_declaration_is_an_error "tests/new/suite:0: the file declares no suite"
printf '# of none\nsuite new\nneeds dpkg\n' > "$tree/tests/new/suite"
refused a_suite_says_what_it_proves "tests/new/suite:3: new: \`proves\` is missing: what the suite proves"
printf 'suite new\nproves this\nsuite old new\nproves that\n' > "$tree/tests/new/suite"
refused a_name_is_given_once "tests/new/suite:4: suite new is declared in tests/new/suite too"
printf 'suite new\nproves this\nprovves that\n' > "$tree/tests/new/suite"
refused an_unknown_word_is_an_error "tests/new/suite:3: \`provves that\`: not of a declaration"
printf 'suite new\nproves this\nproves that\n' > "$tree/tests/new/suite"
refused a_word_stands_once "tests/new/suite:3: \`proves\` once more in one block"
printf 'proves this\n' > "$tree/tests/new/suite"
refused a_declaration_begins_with_its_name "tests/new/suite:1: \`proves\` before the first suite"
printf 'suite a/b\nproves this\n' > "$tree/tests/new/suite"
refused a_name_is_a_word "tests/new/suite:2: suite a/b: a name is of a-z, 0-9 and -"
printf 'suite new\nproves this\ntakes long\n' > "$tree/tests/new/suite"
refused a_time_is_a_number "tests/new/suite:3: new: takes long: not a number of seconds"

# What a variant gets, over two lines.
# shellcheck disable=SC2016 # for the declaration
printf 'suite one two\nproves this\nrun echo "ok 1 - $suite of $version in ${build##*/}";\n    echo 1..1\n' > "$tree/tests/new/suite"
run VERBOSE=1
said "  ok 1 - one of $version in build"
said "  ok 1 - two of $version in build"
conclude variants_differ_by_their_name

# --- what is made from the declarations here ---

mkdir "$work/sections"
tests/suites.sh check > "$work/sections/check.md"
tests/suites.sh long > "$work/sections/long.md"
cp docs/developing.md "$work/developing.md"
tests/docs.sh "$work/sections" regen "$work/developing.md"
check the_tables_of_suites_are_current cmp "$work/developing.md" docs/developing.md
for suite in $(tests/suites.sh list | awk -F'\t' '$2 == "long" { print $1 }'); do
    check "results_md_has_the_last_run: $suite" grep -q "^| $suite |" docs/results.md
done

finish
