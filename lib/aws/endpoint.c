#include "lib/aws/endpoint.h"

#include <stdio.h>
#include <string.h>

static const struct partition {
    const char *name;
    const char *region_start; /* of all its regions, and of no other partition's; "": whatever no other row claims */
    const char *dns_suffix;
} partitions[] = {
    {"aws-cn", "cn-", "amazonaws.com.cn"},
    {"aws-eusc", "eusc-", "amazonaws.eu"},
    {"aws-iso", "us-iso-", "c2s.ic.gov"},
    {"aws-iso-b", "us-isob-", "sc2s.sgov.gov"},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk"},
    {"aws-iso-f", "us-isof-", "csp.hci.ic.gov"},
    {"aws-us-gov", "us-gov-", "amazonaws.com"},
    {"aws", "", "amazonaws.com"}, /* the last, so that it claims what is left */
};

/* The field of an ARN, from 0; false where there is none. */
static bool field_of(struct cmaw_slice arn, unsigned index, struct cmaw_slice *ret_field)
{
    for (struct cmaw_slice rest = arn;; index--) {
        const uint8_t *colon = rest.size == 0 ? NULL : memchr(rest.data, ':', rest.size);
        if (colon == NULL) {
            return false;
        }
        const size_t size = (size_t)(colon - rest.data);
        if (index == 0) {
            *ret_field = cmaw_slice_of(rest.data, size);
            return true;
        }
        rest = cmaw_slice_of(colon + 1, rest.size - size - 1);
    }
}

enum cmaw_err cmaw_aws_region_of(struct cmaw_slice arn, char ret_region[static CMAW_AWS_REGION_SIZE])
{
    struct cmaw_slice field;
    char region[CMAW_AWS_REGION_SIZE];
    CMAW_REQUIRE(field_of(arn, 3, &field), CMAW_E_MALFORMED);
    CMAW_REQUIRE(cmaw_slice_to_cstr(field, region, sizeof region) == CMAW_OK, CMAW_E_MALFORMED);
    CMAW_REQUIRE(field.size > 0 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == field.size, CMAW_E_MALFORMED);
    memcpy(ret_region, region, sizeof region);
    return CMAW_OK;
}

/* "eu-central-1", "us-gov-west-1": what AWS's rules for unknown regions ask for. Else a name before "amazonaws.com" might be a bucket's. */
static bool is_regular(const char *region, const struct partition *partition)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz", digits[] = "0123456789";
    const char *number = strrchr(region, '-');
    const bool numbered = number != NULL && number[1] != '\0' && strspn(number + 1, digits) == strlen(number + 1);
    const size_t area = strspn(region, letters);
    if (!numbered || region[area] != '-' || region + area + 1 >= number) {
        return false;
    }
    const bool other = partition->region_start[0] != '\0';
    return other || (area == 2 && strchr(region + area + 1, '-') == number);
}

static const struct partition *partition_of(const char *region)
{
    size_t i = 0;
    while (strncmp(region, partitions[i].region_start, strlen(partitions[i].region_start)) != 0) {
        i++;
    }
    return &partitions[i];
}

enum cmaw_err cmaw_aws_host_of(struct cmaw_slice arn, const char *service, bool fips, char ret_host[static CMAW_AWS_HOST_SIZE])
{
    struct cmaw_slice start, name, of_service;
    char region[CMAW_AWS_REGION_SIZE];
    CMAW_TRY(cmaw_aws_region_of(arn, region));
    const bool there = field_of(arn, 0, &start) && field_of(arn, 1, &name) && field_of(arn, 2, &of_service);
    CMAW_REQUIRE(there && cmaw_slice_eq_cstr(start, "arn") && cmaw_slice_eq_cstr(of_service, service), CMAW_E_MALFORMED);
    const struct partition *partition = partition_of(region);
    CMAW_REQUIRE(cmaw_slice_eq_cstr(name, partition->name) && is_regular(region, partition), CMAW_E_MALFORMED);
    const int size = snprintf(ret_host, CMAW_AWS_HOST_SIZE, "%s%s.%s.%s", service, fips ? "-fips" : "", region, partition->dns_suffix);
    return size > 0 && size < CMAW_AWS_HOST_SIZE ? CMAW_OK : CMAW_E_MALFORMED;
}
