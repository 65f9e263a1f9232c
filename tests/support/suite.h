/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one CUnit suite as a program: exit status 0 when every test passed and there was at least one. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>

#ifdef __clang_analyzer__
/* The analyzer does not see that an assertion called fatal ends the test. */
#include <stdlib.h>
#undef CU_ASSERT_FATAL
#undef CU_ASSERT_TRUE_FATAL
#undef CU_ASSERT_EQUAL_FATAL
#undef CU_ASSERT_PTR_NOT_NULL_FATAL
#define CU_ASSERT_FATAL(value) ((value) ? (void)0 : abort())
#define CU_ASSERT_TRUE_FATAL(value) CU_ASSERT_FATAL(value)
#define CU_ASSERT_EQUAL_FATAL(actual, expected) CU_ASSERT_FATAL((actual) == (expected))
#define CU_ASSERT_PTR_NOT_NULL_FATAL(value) CU_ASSERT_FATAL((value) != NULL)
#endif

static inline int suite_main(char *name, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = {{name, NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
        return 2;
    CU_basic_set_mode(CU_BRM_NORMAL);
    (void)CU_basic_run_tests();
    const int failed = CU_get_number_of_failures() != 0 || CU_get_number_of_tests_run() == 0;
    CU_cleanup_registry();
    return failed;
}

/* SUITE("vmx-model/walk", {"test_name", test_function}, ...) */
#define SUITE(name, ...)                                                                                                                             \
    int main(void)                                                                                                                                   \
    {                                                                                                                                                \
        CU_TestInfo tests[] = {__VA_ARGS__, CU_TEST_INFO_NULL};                                                                                      \
        static char suite_name[] = name;                                                                                                             \
        return suite_main(suite_name, tests);                                                                                                        \
    }

#endif
